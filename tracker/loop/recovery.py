"""Where to look for a lost target: squares around the place where it was last surely seen."""

from __future__ import annotations

from rbsf.geometry import Point


class Surroundings:
    """The centres of search squares around a place. A round visits the nearest first, then repeats.

    The squares stand half a side apart. A response covers half of its search square (17 cells of 8
    pixels out of 255), so no place between two squares is left out.

    Args:
        center: The place where the target was last surely seen, in pixels.
        side: The side of a search square, in pixels.
        radius: How far to look, in sides of a search square.
        frame_size: The frame's (width, height). Squares centred outside the frame are left out.
    """

    def __init__(
        self, center: Point, side: float, radius: float, frame_size: tuple[int, int]
    ) -> None:
        self.centers = _grid(center, side / 2, radius * side, frame_size)
        self._visited = 0

    def upcoming(self, count: int) -> list[Point]:
        """The centres to look at next: `count` of them, or all if there are fewer."""
        total = len(self.centers)
        return [self.centers[(self._visited + i) % total] for i in range(min(count, total))]

    def advance(self, count: int) -> None:
        """Goes on by as many centres as have been looked at."""
        self._visited += count


def _grid(center: Point, step: float, reach: float, frame_size: tuple[int, int]) -> list[Point]:
    """The grid points within reach and inside the frame, nearest first, beginning at the centre."""
    (x, y), (width, height) = center, frame_size
    n = int(reach / step)
    offsets = [(i * step, j * step) for i in range(-n, n + 1) for j in range(-n, n + 1)]
    offsets = [
        (dx, dy) for dx, dy in offsets if 0 <= x + dx <= width - 1 and 0 <= y + dy <= height - 1
    ]
    offsets.sort(key=lambda offset: offset[0] ** 2 + offset[1] ** 2)
    return [(x + dx, y + dy) for dx, dy in offsets]
