"""A camera may vanish in any way that its driver has, and the clock on the wall may jump."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.video.open import SourceFault, open_source

ROOT = Path(__file__).parents[3]
Read = tuple[bool, np.ndarray | None]


class Camera:
    """A camera that gives five frames. Then it does what a test wants.

    It stands for `cv2.VideoCapture`, whose methods it has.
    """

    then: Callable[[], Read]

    def __init__(self, number: int) -> None:
        self.number, self.reads, self.released = number, 0, threading.Event()
        Camera.last = self

    def isOpened(self) -> bool:
        return True

    def set(self, *_: object) -> bool:
        return True

    def read(self) -> Read:
        self.reads += 1
        time.sleep(0.005)
        return (
            (True, np.full((48, 64, 3), self.reads, np.uint8)) if self.reads <= 5 else self.then()
        )

    def release(self) -> None:
        self.released.set()


def unplugged() -> Read:
    return False, None


def unplugged_with_an_error() -> Read:
    raise cv2.error("VIDIOC_DQBUF: No such device")


def empty() -> Read:
    return True, np.empty((0, 0, 3), np.uint8)


def nothing() -> Read:
    return True, None


def use(monkeypatch: pytest.MonkeyPatch, then: Callable[[], Read]) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "then", staticmethod(then), raising=False)


@pytest.mark.parametrize("live", [None, False])
@pytest.mark.parametrize("then", [unplugged, unplugged_with_an_error, empty, nothing])
def test_a_camera_that_vanishes_is_told_with_the_frame(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[], Read], live: bool | None
) -> None:
    use(monkeypatch, then)
    numbers = []
    with pytest.raises(SourceFault, match="camera 3 stopped at frame 5: was it unplugged"):
        for frame in open_source("3", live=live):
            numbers.append(frame.index)
    assert numbers[0] == 0 and sorted(set(numbers)) == numbers
    assert live is None or numbers == [0, 1, 2, 3, 4]  # then no frame is skipped
    assert Camera.last.released.wait(5)


@pytest.mark.parametrize("live", [None, False])
def test_a_camera_that_answers_no_more_is_given_up(
    monkeypatch: pytest.MonkeyPatch, live: bool | None
) -> None:
    over = threading.Event()

    def hang() -> Read:
        over.wait()
        return False, None

    use(monkeypatch, hang)
    with pytest.raises(SourceFault, match=r"camera 3 stopped answering at frame 5: .* 0\.2 s"):
        for frame in open_source("3", timeout=0.2, live=live):
            assert frame.image is not None
    over.set()
    assert Camera.last.released.wait(5)


def test_a_camera_that_changes_its_mode_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda: (True, np.zeros((24, 32, 3), np.uint8)))
    with pytest.raises(SourceFault, match="is 32x24, but the frames before it are 64x48"):
        list(open_source("3"))


def test_a_camera_that_is_closed_can_be_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda: (True, np.zeros((48, 64, 3), np.uint8)))
    source = open_source("3")
    next(iter(source))
    source.close()
    assert Camera.last.released.is_set()  # not some time later: a device opens but once


def test_the_clock_may_be_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock finds it an hour earlier."""
    use(monkeypatch, unplugged)
    clock = count(2_000_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    times = []
    with pytest.raises(SourceFault, match="stopped at frame 5"):
        for frame in open_source("3", live=False):
            times.append(frame.time_s)
    assert times[0] == 0 and sorted(set(times)) == times and len(times) == 5


def test_no_time_is_measured_by_the_clock_on_the_wall() -> None:
    stamps = {ROOT / "rbsf/train/events.py"}  # TensorBoard's events have the time of day
    for folder in ("rbsf", "tracker", "tools", "examples"):
        for file in set((ROOT / folder).rglob("*.py")) - stamps:
            assert "time.time()" not in file.read_text(encoding="utf-8"), file
