"""Where a target is and how large: the tracker's state, kept within sane bounds."""

from __future__ import annotations

from rbsf.geometry import Box, Point, clip_box, context_side

GROWTH = (0.2, 5.0)
"""How small and how large a target may become, in first sizes (the MATLAB original's limits)."""
SMALLEST = 2.0
"""Pixels; no side shrinks below this."""
LARGEST = 1.5
"""In frames; no side grows beyond this."""


class Target:
    """Centre and size of a target; the box keeps the first one's shape.

    Args:
        box: the first one.
        context: margin of the exemplar, p = context (w + h).
        bounded: keep the centre inside the frame and the size near the first one; without bounds
            a target runs away as the reference's does.
    """

    def __init__(self, box: Box, context: float, *, bounded: bool) -> None:
        self.first = box
        self.bounded = bounded
        self.center = box.center
        self.zoom = 1.0
        self._first_side = context_side(box.w, box.h, context)

    @property
    def side(self) -> float:
        """Side of the exemplar's square around the target, pixels."""
        return self._first_side * self.zoom

    def box(self, frame_size: tuple[int, int]) -> Box:
        """The target's box; a bounded one is clipped to the (width, height) frame."""
        box = Box.from_center(*self.center, self.first.w * self.zoom, self.first.h * self.zoom)
        return clip_box(box, frame_size) if self.bounded else box

    def move_to(self, x: float, y: float, frame_size: tuple[int, int]) -> None:
        """A new centre, in pixel-centre coordinates."""
        self.center = self.nearest(x, y, frame_size)

    def nearest(self, x: float, y: float, frame_size: tuple[int, int]) -> Point:
        """The place nearest to (x, y) that the centre may be at."""
        if not self.bounded:
            return x, y
        width, height = frame_size
        return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)

    def grow(self, factor: float, frame_size: tuple[int, int]) -> None:
        """Multiplies the size."""
        self.zoom *= factor
        if self.bounded:
            low, high = self._zoom_bounds(frame_size)
            self.zoom = min(max(self.zoom, low), high)

    def _zoom_bounds(self, frame_size: tuple[int, int]) -> tuple[float, float]:
        """The least and largest zoom; both allow the first size whatever it was."""
        w, h = self.first.w, self.first.h
        low = max(GROWTH[0], SMALLEST / min(w, h))
        high = min(GROWTH[1], LARGEST * min(frame_size[0] / w, frame_size[1] / h))
        return min(low, 1.0), max(high, 1.0)
