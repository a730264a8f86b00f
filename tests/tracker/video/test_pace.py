"""Frames that are gone from a file are noticed at a constant rate, and never at a variable one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from clip_files import flat, write_clip

from tracker.video.open import VideoFrame, open_source
from tracker.video.pace import period_of

COUNT = 48
FORMATS = [
    ("clip.mp4", "libx264", "yuv420p"),
    ("clip.mkv", "libx264", "yuv420p"),
    ("clip.webm", "libvpx-vp9", "yuv420p"),
    ("clip.avi", "mpeg4", "yuv420p"),
    ("clip.avi", "mjpeg", "yuvj420p"),
    ("clip.ts", "libx264", "yuv420p"),
]


def cut(path: Path, gone: Sequence[int]) -> Path:
    """Copies a video without the packets of some frames. All that is left can be decoded."""
    to = path.with_stem("cut")
    with av.open(str(path)) as whole, av.open(str(to), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        stamps = sorted(packet.pts for packet in packets)
        for packet in packets:
            if stamps.index(packet.pts) not in gone:
                packet.stream = stream
                container.mux(packet)
    return to


def numbers_and_times(frames: Sequence[VideoFrame]) -> None:
    """Checks that every frame has its row, with the number and the time that it had."""
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert [frame.time_s for frame in frames] == pytest.approx(
        [index / 25 for index in range(COUNT)], abs=1.1e-3
    )


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), FORMATS)
@pytest.mark.parametrize("gone", [range(14, 22), [1], [12, 13, 30]])
def test_packets_that_are_gone_leave_rows(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, gone: Sequence[int]
) -> None:
    images = [flat(index % 24) for index in range(COUNT)]
    # Every frame can be decoded alone, and what is gone is gone without any trace but the times.
    path = cut(write_clip(tmp_path / name, images, codec, pix_fmt, gop=1), gone)
    frames = list(open_source(path))
    numbers_and_times(frames)
    missing = [frame for frame in frames if frame.image is None]
    assert [frame.index for frame in missing] == list(gone)
    assert all(f"frame {f.index} is missing from {path}" == f.fault for f in missing)
    for frame in frames:
        if frame.image is not None:
            assert abs(frame.image.mean() - flat(frame.index % 24).mean()) < 6


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), FORMATS)
def test_packets_that_cannot_be_decoded_leave_rows(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    """In Matroska and MPEG-TS the damage also breaks the container, and takes its packets away."""
    images = [flat(index % 24) for index in range(COUNT)]
    path = write_clip(tmp_path / name, images, codec, pix_fmt, gop=12)
    with av.open(str(path)) as container:
        packets = [(p.pts, p.pos, p.size) for p in container.demux(video=0) if p.size]
    data, draw = bytearray(path.read_bytes()), np.random.default_rng(0)
    for _, position, size in sorted(packets, key=lambda packet: packet[1])[14:22]:
        size = max(size, 188)
        data[position : position + size] = draw.bytes(size)
    path.write_bytes(data)
    frames = list(open_source(path))
    numbers_and_times(frames)
    missing = [frame.index for frame in frames if frame.image is None]
    assert len(missing) >= 6 and set(missing) <= set(range(12, 24))


def phone(draw: random.Random) -> list[float]:
    """A camera whose exposure varies, so that every interval differs."""
    return list(np.cumsum([draw.uniform(0.03, 0.05) for _ in range(60)]))


def screen(draw: random.Random) -> list[float]:
    """A recording of a screen: a frame only where something changed, at 25 a second."""
    return [index / 25 for index in range(120) if index == 0 or draw.random() < 0.7]


def still_then_moving(_: random.Random) -> list[float]:
    """A screen on which nothing changes after a while, but for every third frame."""
    return [index / 25 for index in range(90) if index < 50 or index % 3 == 0]


def two_rates(_: random.Random) -> list[float]:
    """A camera that halves its rate when it gets dark."""
    return [*(index / 25 for index in range(40)), *(1.6 + index / 12.5 for index in range(20))]


def time_lapse(_: random.Random) -> list[float]:
    return [2.0 * index for index in range(20)]


def paused(_: random.Random) -> list[float]:
    """A recording that was paused for fifty seconds, a whole number of frames."""
    return [index / 25 + 50 * (index > 30) for index in range(60)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
@pytest.mark.parametrize("kind", [phone, screen, still_then_moving, two_rates, time_lapse, paused])
def test_a_variable_rate_is_no_hole(
    tmp_path: Path, name: str, kind: Callable[[random.Random], list[float]]
) -> None:
    times = kind(random.Random(0))
    images = [flat(index % 24) for index in range(len(times))]
    frames = list(open_source(write_clip(tmp_path / name, images, times=times)))
    assert [frame.fault for frame in frames] == [None] * len(times)
    assert [frame.time_s for frame in frames] == pytest.approx(
        [time - times[0] for time in times], abs=2e-3
    )


def test_a_pause_on_standard_input_is_no_hole(tmp_path: Path) -> None:
    """What follows cannot be looked at, and may be of a variable rate."""
    times = still_then_moving(random.Random(0))
    images = [flat(index % 24) for index in range(len(times))]
    path = write_clip(tmp_path / "clip.mkv", images, times=times)
    code = (
        "from tracker.video.open import open_source\n"
        "print([frame.index for frame in open_source('-') if frame.image is not None])"
    )
    with path.open("rb") as stream:
        done = subprocess.run([sys.executable, "-c", code], stdin=stream, capture_output=True)
    assert json.loads(done.stdout) == list(range(len(times))), done.stderr


@pytest.mark.parametrize("rate", [23.976, 24, 25, 29.97, 30, 50, 59.94, 60, 120, 240])
@pytest.mark.parametrize("tick", [1e-3, 1 / 90_000])
def test_rounded_times_have_a_period(rate: float, tick: float) -> None:
    times = [round(index / rate / tick) * tick for index in range(500)]
    assert period_of(times, tick) == pytest.approx(1 / rate, rel=2e-3)
    del times[200:230], times[100]
    assert period_of(times, tick) == pytest.approx(1 / rate, rel=2e-3)


def test_too_few_times_have_no_period() -> None:
    assert period_of([], 1e-3) is None
    assert period_of([0, 1, 2, 3, 4, 9], 1e-3) is None


def test_joined_recordings_are_read_whole(tmp_path: Path) -> None:
    """The clock of the second one begins anew. No frame of it is taken for one that is past."""
    path = write_clip(tmp_path / "clip.ts", [flat(index) for index in range(24)])
    path.write_bytes(path.read_bytes() * 2)
    frames = list(open_source(path))
    numbers_and_times(frames)
    assert all(frame.fault is None for frame in frames)
