"""Corrects the network's boxes by what was marked in the first frame.

The network has a notion of its own of where a thing ends, and a user may mark something else: a
person without the arms, a part of a building, a cup with its saucer. So it is asked in the first
frame, whose answer is known. What it gets wrong there, it will get wrong in the next frames.

With w marked and w' seen, the error of the width is e = log(w / w'), and that of the place is
d = (x - x') / w'. Small errors are noise, of the network or of the marking hand, and repeating them
would do harm. So each error is first shrunk towards zero by a tolerance t, as the estimate of a
value that mostly is small and sometimes is not (soft thresholding, Donoho 1995):

    shrunk(e) = sign(e) max(|e| - t, 0)

and every later box is changed by a share s of it:

    w = w' exp(s shrunk(e)),    x = x' + s shrunk(d) w'

Height and y are treated likewise. The tolerance of a place is half that of a size, since a single
edge that is off by a distance changes the size by all of it and the middle by half of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pydantic import Field

from rbsf.config import Settings
from rbsf.geometry import Box, iou

SAME = 0.3
"""Boxes with a smaller IoU than this show that the network did not see the target at all."""


class CorrectionConfig(Settings):
    """How the errors of the first frame count in all others."""

    share: float = Field(default=0.7, ge=0, le=1)
    """The share of the errors that is put right in each frame. With 0 boxes stay as the network
    sees them, and the look at the first frame is saved."""
    tolerance: float = Field(default=0.1, ge=0, le=10)
    """An error of a side's logarithm up to this counts as noise, and one of the place up to half of
    this, in sides of the box."""


class Correction(NamedTuple):
    """What is changed in each box."""

    shift: tuple[float, float] = (0.0, 0.0)
    """The shift of the centre's x and y, in widths and heights of the box."""
    growth: tuple[float, float] = (1.0, 1.0)
    """The factors of width and height."""

    @classmethod
    def of(cls, marked: Box, seen: Box, config: CorrectionConfig) -> Correction:
        """What would have made the box that was seen in the first frame the one that was marked.

        Args:
            marked: The first box, as the user gave it.
            seen: What the network finds there.
            config: How much of it counts.
        """
        if not iou(marked, seen) >= SAME:  # not so for a NaN
            return cls()

        def counted(error: float, tolerance: float) -> float:
            return config.share * math.copysign(max(abs(error) - tolerance, 0.0), error)

        pairs = list(zip(marked.center, seen.center, marked[2:], seen[2:], strict=True))
        shift = [counted((at - there) / side, config.tolerance / 2) for at, there, _, side in pairs]
        growth = [math.exp(counted(math.log(a / b), config.tolerance)) for _, _, a, b in pairs]
        return cls((shift[0], shift[1]), (growth[0], growth[1]))

    def __call__(self, box: Box) -> Box:
        """The corrected box. One that needs no correction stays the same, bit for bit."""
        if self == Correction():
            return box
        (x, y), (dx, dy), (gx, gy) = box.center, self.shift, self.growth
        return Box.from_center(x + dx * box.w, y + dy * box.h, box.w * gx, box.h * gy)
