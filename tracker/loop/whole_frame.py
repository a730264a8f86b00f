"""Where to look for a lost target: the whole frame, a few places at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Box, Point

from .box_look import search_side

MOST_PLACES = 20_000
"""For each size. More would take longer to list than a frame may take, and hours to visit."""


class WholeFrame:
    """The boxes in which a lost target is looked for, one after the other, again and again.

    A round goes over the whole frame for each size. The places of one size stand at most half a
    search square apart, which is what the answer to one crop covers (17 cells of 8 pixels out of
    255), and those near the last sure place come first.

    Args:
        last: The last box in which the target surely was.
        sizes: The sizes that are tried, relative to that of `last`.
        frame_size: The frame's (width, height).
    """

    def __init__(self, last: Box, sizes: Sequence[float], frame_size: tuple[int, int]) -> None:
        self.boxes = [
            Box.from_center(x, y, last.w * size, last.h * size)
            for size in sizes
            for x, y in _grid(last.center, search_side(last) * size / 2, frame_size)
        ]
        """One round."""
        self._visited = 0

    def next(self, count: int) -> list[Box]:
        """The boxes to look in next: `count` of them, or a whole round if that has fewer."""
        total = len(self.boxes)
        count = min(count, total)
        self._visited += count
        return [self.boxes[i % total] for i in range(self._visited - count, self._visited)]


def _grid(center: Point, step: float, frame_size: tuple[int, int]) -> list[Point]:
    """The points of an even grid over the frame, the nearest first.

    They are at most a step apart, unless there would be too many of them.
    """
    step = max(step, math.sqrt(math.prod(frame_size) / MOST_PLACES))
    xs, ys = (_line(extent, step) for extent in frame_size)
    x, y = (axis.ravel() for axis in np.meshgrid(xs, ys))
    order = np.argsort((x - center[0]) ** 2 + (y - center[1]) ** 2, kind="stable")
    return list(zip(x[order].tolist(), y[order].tolist(), strict=True))


def _line(extent: int, step: float) -> NDArray[np.float64]:
    """The middles of equal parts of a line of pixels, each at most a step long."""
    parts = math.ceil(extent / step)
    return np.asarray((np.arange(parts) + 0.5) * (extent / parts) - 0.5)
