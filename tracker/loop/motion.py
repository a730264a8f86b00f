"""Where a target is heading: the motion that its last two moves agree on."""

from __future__ import annotations

import math

from rbsf.geometry import Point

STILL = (0.0, 0.0)


class Motion:
    """The steady part of a target's motion, to search where the target will be, not where it was.

    Off the middle of its search square a fast target is pulled back: by the window, and by the
    still surroundings that its exemplar shows too. The box then falls behind a little in every
    frame, and more the farther it is behind, until the target is lost.

    Of the last two moves a and b the steady motion is, each axis by itself, their minmod (Roe's
    slope limiter, 1986):

        0 where a b <= 0, else sign(a) min(|a|, |b|)

    So even motion is foreseen whole, and one that grows no further than it lasted; a leap, a shaken
    camera or a box that wavers count for nothing. An average of moves would carry each of these on.

    Args:
        center: of the target in the first frame, pixels.
    """

    def __init__(self, center: Point) -> None:
        self.steady: Point = STILL
        """Pixels a frame, x and y."""
        self._center = center
        self._last: Point = STILL

    def heed(self, center: Point, sure: bool) -> None:
        """Takes in the target's centre in the next frame, pixels.

        Args:
            center: of the target; Motion began with that of the first frame.
            sure: it is the target that is there; a move to a doubtful place is no motion.
        """
        (x, y), (x_before, y_before) = center, self._center
        before, present = self._last, (x - x_before, y - y_before) if sure else STILL
        self.steady = _minmod(before[0], present[0]), _minmod(before[1], present[1])
        self._center, self._last = center, present


def _minmod(a: float, b: float) -> float:
    return math.copysign(min(abs(a), abs(b)), a) if a * b > 0 else 0.0
