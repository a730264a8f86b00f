"""A live source gives its newest frame, and passes on silence and errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tracker.video.live import newest
from tracker.video.source import SourceFault, VideoFrame


def frame(index: int) -> VideoFrame:
    return VideoFrame(index, index / 30, np.zeros((4, 4, 3), np.uint8))


def test_frames_that_came_meanwhile_are_skipped() -> None:
    taken, piled = threading.Event(), threading.Event()

    def camera() -> Iterator[VideoFrame]:
        yield frame(0)
        taken.wait()
        yield from (frame(1), frame(2), frame(3))
        piled.set()

    frames = newest(camera(), "camera 0", timeout=30)
    assert next(frames).index == 0
    taken.set()
    piled.wait()
    assert next(frames).index == 3
    assert list(frames) == []


def test_silence_is_reported_with_the_frame() -> None:
    over = threading.Event()

    def camera() -> Iterator[VideoFrame]:
        yield frame(6)
        over.wait()

    frames = newest(camera(), "camera 0", timeout=0.05)
    assert next(frames).index == 6
    with pytest.raises(SourceFault, match=r"camera 0 stopped answering at frame 7.*0\.05 s"):
        next(frames)
    over.set()


def test_a_readers_fault_comes_after_its_last_frame() -> None:
    def camera() -> Iterator[VideoFrame]:
        yield frame(0)
        raise SourceFault("camera 0 stopped at frame 1")

    frames = newest(camera(), "camera 0", timeout=30)
    assert next(frames).index == 0
    with pytest.raises(SourceFault, match="stopped at frame 1"):
        next(frames)
