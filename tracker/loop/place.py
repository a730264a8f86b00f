"""Where a target is, how large it is and where it is heading, kept within sane bounds."""

from __future__ import annotations

from rbsf.geometry import Box, Point, Square, clip_box, context_side

from .config import TrackerConfig
from .motion import Motion

GROWTH = (0.2, 5.0)
"""How small and how large a target may become, relative to its first size. These are the limits of
SiamFC's original MATLAB code."""
SMALLEST = 2.0
"""No side of a box shrinks below this many pixels."""
LARGEST = 1.5
"""No side of a box grows beyond this many times the frame's."""


class Place:
    """A target's centre, size and motion. The box keeps the aspect ratio of the first one.

    The centre stays inside the frame and the size stays near the first one. With `parity` there are
    no bounds, and a target runs away as it does in the reference.

    Args:
        box: The target's first box, in pixels.
        frame_size: The (width, height) of every frame, in pixels.
        config: The tracker's settings.
    """

    def __init__(self, box: Box, frame_size: tuple[int, int], config: TrackerConfig) -> None:
        self.first = box
        self.frame_size = frame_size
        self.center = box.center
        """The target's centre, in pixel-centre coordinates."""
        self.zoom = 1.0
        """The target's size relative to its first one."""
        self.motion = Motion(box.center) if config.motion and not config.parity else None
        self._config = config
        self._first_side = context_side(box.w, box.h, config.context)
        self._bounded = not config.parity
        self._zoom_bounds = _zoom_bounds(box, frame_size)

    @property
    def box(self) -> Box:
        """The target's box, clipped to the frame except with `parity`."""
        box = Box.from_center(*self.center, self.first.w * self.zoom, self.first.h * self.zoom)
        return clip_box(box, self.frame_size) if self._bounded else box

    @property
    def exemplar_square(self) -> Square:
        """The square that holds the target and its context."""
        return Square(self.center, self._first_side * self.zoom)

    @property
    def search_side(self) -> float:
        """The side of the square that is searched at the present scale, in pixels."""
        side = self._first_side * self.zoom
        return side * self._config.search_size / self._config.exemplar_size

    @property
    def expected_center(self) -> Point:
        """Where the centre will be in the next frame if the target goes on as it did."""
        if self.motion is None:
            return self.center
        (x, y), (dx, dy) = self.center, self.motion.steady
        return self._nearest(x + dx, y + dy)

    def search_squares(self, *, all_scales: bool) -> list[Square]:
        """The squares in which to look for the target, one per scale, ascending.

        Args:
            all_scales: Whether every scale is searched, or only the present one.
        """
        center, side = self.expected_center, self.search_side
        factors = self._config.scale_factors if all_scales else [1.0]
        return [Square(center, side * factor) for factor in factors]

    def move_to(self, x: float, y: float) -> None:
        """Sets the centre, in pixel-centre coordinates, or the nearest place that is allowed."""
        self.center = self._nearest(x, y)

    def grow(self, factor: float) -> None:
        """Multiplies the size by a factor, within the bounds."""
        self.zoom *= factor
        if self._bounded:
            low, high = self._zoom_bounds
            self.zoom = min(max(self.zoom, low), high)

    def _nearest(self, x: float, y: float) -> Point:
        """The allowed place nearest to (x, y)."""
        if not self._bounded:
            return x, y
        width, height = self.frame_size
        return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)


def _zoom_bounds(first: Box, frame_size: tuple[int, int]) -> tuple[float, float]:
    """The smallest and the largest zoom. Both allow the first size, whatever it was."""
    low = max(GROWTH[0], SMALLEST / min(first.w, first.h))
    high = min(GROWTH[1], LARGEST * min(frame_size[0] / first.w, frame_size[1] / first.h))
    return min(low, 1.0), max(high, 1.0)
