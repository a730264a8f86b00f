"""Finds the frames that are gone from a video though everything that is left can be decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from av.video.stream import VideoStream

from .decode import USUAL_RATE, Decoded

LONGEST_HOLE = 1000
"""The most frames that a hole is taken to lack. A longer hole is a pause of the recording."""
SEEN = 256
"""A stream that cannot be read ahead is judged by so many of its latest frames."""


class Pace:
    """Says when each frame is shown and, at a constant rate, which frames are gone before it.

    Damage to a container takes whole packets away, and what is left may decode without any error.
    Only the times tell then: at a constant rate, a hole is a whole number of periods long. A video
    of variable rate has such intervals too. So the first one that is not as declared makes this
    class judge the times of the whole video, see `period_of`.

    Args:
        stream: The video.
        look_ahead: Returns the times of the frames in seconds, in any order. None judges by the
            frames that came so far.
    """

    def __init__(
        self, stream: VideoStream, look_ahead: Callable[[], Sequence[float]] | None = None
    ) -> None:
        self._tick = float(stream.time_base or 0)
        self._usual = 1 / float(stream.average_rate or USUAL_RATE)
        self._look_ahead = look_ahead
        self._seen: deque[float] = deque(maxlen=SEEN)
        self._judged = False
        self._period = float(1 / stream.guessed_rate) if stream.guessed_rate else None

    def times(self, decoded: Decoded) -> list[float]:
        """Returns the seconds of a frame, and before them those of the frames that are gone.

        A frame without a time is taken to come a period after the last one.
        """
        last = self._seen[-1] if self._seen else None
        seconds = decoded.seconds
        if seconds is None:
            seconds = 0.0 if last is None else last + self._usual
        if last is not None:
            seconds = max(seconds, last)
        self._seen.append(seconds)
        if decoded.frame is not None and decoded.frame.interlaced_frame:
            self._judged, self._period = True, None  # a packet may then hold half a frame
        gone = [] if last is None else self._between(last, seconds)
        return [*gone, seconds]

    def _between(self, last: float, seconds: float) -> list[float]:
        """The seconds of the frames that are gone between two that are left."""
        if self._steps(seconds - last) == 1:
            return []
        if not self._judged:
            times = self._look_ahead() if self._look_ahead else self._seen
            self._period = period_of(times, self._tick)
            self._judged = self._look_ahead is not None
        steps = self._steps(seconds - last) or 1
        if self._period is None or steps > LONGEST_HOLE:
            return []
        return [last + step * self._period for step in range(1, steps)]

    def _steps(self, interval: float) -> int | None:
        """How many periods an interval lasts, if that is a whole number."""
        if self._period is None:
            return None
        steps = round(interval / self._period)
        near = abs(interval - steps * self._period) <= _tolerance(
            self._period, self._tick, interval
        )
        return steps if near else None


def period_of(times: Sequence[float], tick: float) -> float | None:
    """Returns the seconds from frame to frame, or None if they vary.

    The rate is constant if at least eight intervals are the same, at most one in 16 is a multiple
    of that, and at most one in 64 is anything else.

    Args:
        times: The times of the frames in seconds, in any order.
        tick: The seconds to which times are rounded.
    """
    intervals = np.diff(np.sort(np.asarray(times, np.float64)))
    if not len(intervals):
        return None
    usual = np.median(intervals)
    regular = intervals[np.abs(intervals - usual) <= _tolerance(usual, tick, usual)]
    if len(regular) < 8 or usual <= 0:
        return None
    period = float(regular.mean())
    steps = np.round(intervals / period)
    off = np.abs(intervals - steps * period) > _tolerance(period, tick, intervals)
    holes = ~off & (steps > 1)
    few = holes.sum() <= max(1, len(regular) / 16) and off.sum() <= len(regular) / 64
    return period if few else None


def _tolerance(period: float, tick: float, interval: Any) -> Any:
    """By how much a regular interval may differ, because both of its ends are rounded to ticks."""
    return min(1.01 * tick, period / 4) + 1e-4 * interval
