"""A stream without end takes no more memory the longer it lasts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from stream_servers import Sender, http_frames, http_sender, part, tcp_sender, ts_frames

from rbsf.geometry import Box, Frame
from tracker.loop.target import Track
from tracker.output.box_file import BoxWriter
from tracker.output.box_lines import BoxLines
from tracker.output.sinks import BoxSink, Keep, Stop, Tracked
from tracker.session import run
from tracker.video.open import open_source

MEMORY = Path("/proc/self/statm")
PAGE = 4096
MOST = 8_000_000
"""The bytes by which memory may grow after a third of the frames. So a leak is found of 240
bytes a frame in 100,000 frames, and of a third of a frame in 4000."""


class Flickering:
    """Says that the target is lost in every other frame."""

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        self.boxes, self.lost = [Box(*box) for box in boxes], False

    def update(self, frame: Frame) -> list[Track]:
        self.lost = not self.lost
        return [Track(box, 0.5, self.lost) for box in self.boxes]


class Gauge(Keep):
    """Ends a run after `count` frames of the stream, and notes the memory after a third."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.began = self.ended = 0

    def write(self, tracked: Tracked) -> None:
        if not self.began and tracked.frame.index >= self.count // 3:
            self.began = _memory()
        if tracked.frame.index >= self.count:
            self.ended = _memory()
            raise Stop


def _memory() -> int:
    """The bytes of this process that are in memory."""
    return int(MEMORY.read_text().split()[1]) * PAGE


def _endless(frames: Sequence[bytes], hurt: bytes, draw: random.Random) -> Iterator[bytes]:
    """The frames again and again, and now and then something else instead."""
    while True:
        yield from (hurt if draw.random() < 0.02 else frame for frame in frames)


def attack_with_frames(folder: Path, count: int, seed: int) -> list[str]:
    """Streams `count` frames, half over HTTP and half over TCP. Returns what was mishandled."""
    draw, mishandled = random.Random(seed), []
    senders: dict[str, Sender] = {
        "http": http_sender(
            lambda: _endless(http_frames(24), part(draw.randbytes(2000)), draw), pace=0
        ),
        # The clock of the stream goes back with every turn, and frames before it refer to others.
        "tcp": tcp_sender(lambda: _endless(ts_frames(60), ts_frames(60)[0][:188], draw), pace=0),
    }
    for scheme, sender in senders.items():
        gauge = Gauge(count // 2)
        sinks = [
            BoxSink(BoxWriter(folder / f"{scheme}.csv")),
            BoxSink(BoxLines(folder / f"{scheme}.jsonl")),
            gauge,
        ]
        with closing(sender):
            source = open_source(f"{scheme}://{sender.place}")
            summary = run(source, [(4, 5, 20, 10)], Flickering(), sinks)
        grown = gauge.ended - gauge.began
        if not gauge.ended:
            mishandled.append(f"{scheme} ended after {summary.frames} frames: {summary.stopped}")
        elif grown > MOST:
            mishandled.append(f"{scheme} took {grown} bytes more in the end")
        if len(str(summary)) > 1000:
            mishandled.append(f"{scheme}: the summary has {len(str(summary))} letters")
    return mishandled


@pytest.mark.skipif(not MEMORY.exists(), reason="only Linux tells how much memory is in use")
def test_memory_does_not_grow(tmp_path: Path) -> None:
    assert attack_with_frames(tmp_path, 4000, seed=0) == []
