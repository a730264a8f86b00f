"""Where a target is heading: the motion that its last two moves agree on."""

from __future__ import annotations

import math

from rbsf.geometry import Point

STILL = (0.0, 0.0)


class Motion:
    """The steady part of a target's motion, so that the search goes where the target will be.

    A fast target is off the middle of its search square. Two things pull it back: the window, and
    the still surroundings that its exemplar shows too. The box then falls a little behind in every
    frame, the more so the farther behind it already is, until the target is lost.

    The steady motion is the minmod of the last two moves a and b, for each axis by itself (Roe's
    slope limiter, 1986):

        0 where a b <= 0, else sign(a) min(|a|, |b|)

    A steady motion is predicted in full. An accelerating one is predicted only as far as it has
    already gone. A single jump, a shaking camera or a jittering box contributes nothing. An average
    of moves would carry each of these on.

    Args:
        center: The target's centre in the first frame, in pixels.
    """

    def __init__(self, center: Point) -> None:
        self.steady: Point = STILL
        """The predicted move along x and y, in pixels per frame."""
        self._center = center
        self._last_move: Point = STILL

    def observe(self, center: Point, sure: bool) -> None:
        """Takes in the target's centre in the next frame.

        Args:
            center: The target's centre, in pixels.
            sure: Whether it surely is the target that is there. A move to a doubtful place does not
                count as motion.
        """
        (x, y), (x_before, y_before) = center, self._center
        before, move = self._last_move, (x - x_before, y - y_before) if sure else STILL
        self.steady = _minmod(before[0], move[0]), _minmod(before[1], move[1])
        self._center, self._last_move = center, move


def _minmod(a: float, b: float) -> float:
    return math.copysign(min(abs(a), abs(b)), a) if a * b > 0 else 0.0
