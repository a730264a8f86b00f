"""Signals end a run between two frames, whenever they come and however often."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rbsf.geometry import Box, Frame
from rbsf.signals import SIGNALS
from tracker.interrupts import Interrupts
from tracker.loop.target import Track
from tracker.output.box_file import BoxWriter
from tracker.output.sinks import BoxSink, Tracked, VideoSink
from tracker.output.video_file import VideoWriter
from tracker.session import Summary, run
from tracker.video.open import open_source
from tracker.video.source import Source, VideoFrame

FRAMES = 12


@contextmanager
def harmless_signals() -> Iterator[None]:
    """A signal that comes after a run has ended must not end the tests."""
    former = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def harmless() -> Iterator[None]:
    with harmless_signals():
        yield


class Standing:
    """Says that the target stays. `at` is called with the number of each update."""

    def __init__(self, at: Sequence[int] = (), number: int = signal.SIGTERM) -> None:
        self.at, self.number, self.updates = at, number, 0

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        self.boxes = [Box(*box) for box in boxes]

    def update(self, frame: Frame) -> list[Track]:
        self.updates += 1
        if self.updates in self.at:
            signal.raise_signal(self.number)
        return [Track(box, 0.5, False) for box in self.boxes]


class Signalling:
    """A sink that sends signals in its writes and when it is closed."""

    def __init__(self, number: int, writes: Sequence[int] = (), closing: int = 0) -> None:
        self.number, self.writes, self.closing, self.written = number, writes, closing, 0

    def write(self, tracked: Tracked) -> None:
        self.written += 1
        if self.written in self.writes:
            signal.raise_signal(self.number)

    def close(self) -> None:
        for _ in range(self.closing):
            signal.raise_signal(self.number)


def frames() -> Iterator[VideoFrame]:
    for index in range(FRAMES):
        yield VideoFrame(index, index / 10, np.full((48, 64, 3), 9 * index, np.uint8))


def run_with(folder: Path, group: Standing, between: Signalling) -> Summary:
    """Tracks into boxes and a video, with a sink between them that sends signals."""
    boxes, video = (
        BoxSink(BoxWriter(folder / "out.csv")),
        VideoSink(VideoWriter(folder / "out.mp4")),
    )
    source = Source("made", frames(), FRAMES)
    return run(source, [(4, 5, 20, 10)], group, [boxes, between, video, between])


def outputs(folder: Path) -> tuple[int, int]:
    """How many frames the boxes and the video have; nothing else may lie in the folder."""
    assert sorted(path.name for path in folder.iterdir()) == ["out.csv", "out.mp4"]
    rows = (folder / "out.csv").read_text().splitlines()[1:]
    return len(rows), len(list(open_source(folder / "out.mp4")))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_a_frame_is_tracked_leaves_that_frame_out(
    tmp_path: Path, number: int
) -> None:
    summary = run_with(tmp_path, Standing([4], number), Signalling(number))
    assert summary.interrupted
    assert outputs(tmp_path) == (4, 4)  # the first frame and three updates


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_a_frame_is_written_lets_it_be_written(tmp_path: Path, number: int) -> None:
    summary = run_with(tmp_path, Standing(), Signalling(number, writes=[5]))
    assert summary.interrupted
    assert outputs(tmp_path) == (3, 3)  # the fifth write of the sink, which stands there twice


@pytest.mark.parametrize("number", SIGNALS)
def test_more_signals_while_outputs_are_completed_do_no_harm(tmp_path: Path, number: int) -> None:
    summary = run_with(tmp_path, Standing([4], number), Signalling(number, closing=3))
    assert summary.interrupted
    assert outputs(tmp_path) == (4, 4)


@harmless_signals()
def attack_with_signals(folder: Path, count: int, seed: int) -> list[str]:
    """Sends 1 to 4 signals at any time into each of `count` runs. Returns which lost something.

    The runs are in this process, whose handlers of the signals are replaced meanwhile.
    """
    draw, mishandled = random.Random(seed), []

    def send(waits: list[float]) -> None:
        for wait in waits:
            time.sleep(wait)
            os.kill(os.getpid(), draw.choice(SIGNALS))

    for number in range(count):
        below = folder / str(number)
        below.mkdir()
        waits = [draw.uniform(0, 0.02) for _ in range(draw.randrange(1, 5))]
        sender = threading.Thread(target=send, args=(waits,))
        sender.start()
        summary = run_with(below, Standing(), Signalling(signal.SIGINT))
        sender.join()
        left = sorted(path.name for path in below.iterdir())
        found = outputs(below) if left else (0, 0)
        if found != (summary.frames, summary.frames):
            mishandled.append(f"run {number}: {summary.frames} frames, {found} in the outputs")
    return mishandled


def test_signals_at_any_time_lose_nothing(tmp_path: Path) -> None:
    assert attack_with_signals(tmp_path, count=8, seed=0) == []


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """As `nohup` has it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    summary = run_with(tmp_path, Standing([4], signal.SIGHUP), Signalling(signal.SIGHUP))
    assert not summary.interrupted
    assert outputs(tmp_path) == (FRAMES, FRAMES)


def test_former_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert all(signal.getsignal(number) not in before for number in SIGNALS)
    assert [signal.getsignal(number) for number in SIGNALS] == before
