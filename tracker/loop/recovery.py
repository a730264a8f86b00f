"""Where to look for a lost target: squares around the place it was last surely seen at."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

from rbsf.geometry import Point


class Surroundings:
    """Centres of search squares around a place, nearest first, over and over.

    The squares stand half a side apart: a response covers half its search square (17 cells of 8
    pixels of 255), hence no place between two squares is left out.

    Args:
        center: where the target was last surely seen.
        side: of a search square, pixels.
        radius: how far to look, in sides.
        frame_size: (width, height); squares centred outside the frame are left out.
    """

    def __init__(
        self, center: Point, side: float, radius: float, frame_size: tuple[int, int]
    ) -> None:
        self.centers = _grid(center, side / 2, radius * side, frame_size)
        self._round: Iterator[Point] = cycle(self.centers)

    def next(self, count: int) -> list[Point]:
        """The next centres to look at, at most `count`, none twice."""
        return list(islice(self._round, min(count, len(self.centers))))


def _grid(center: Point, step: float, reach: float, frame_size: tuple[int, int]) -> list[Point]:
    """Grid points within reach and frame, nearest first, the centre itself before all."""
    (x, y), (width, height) = center, frame_size
    n = int(reach / step)
    offsets = [(i * step, j * step) for i in range(-n, n + 1) for j in range(-n, n + 1)]
    offsets = [
        (dx, dy) for dx, dy in offsets if 0 <= x + dx <= width - 1 and 0 <= y + dy <= height - 1
    ]
    offsets.sort(key=lambda offset: offset[0] ** 2 + offset[1] ** 2)
    return [(x + dx, y + dy) for dx, dy in offsets]
