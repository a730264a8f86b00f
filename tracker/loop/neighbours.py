"""Things beside the target that look like it are followed as well, to tell them from the target.

A network that knows the target from one picture cannot tell it from its equal, such as one cup from
another. What tells them apart is where each of them was a frame ago. So whatever else in the search
crop the network believes in is a *neighbour*, which is followed from frame to frame by its place
alone. When a neighbour passes before the target, the network finds the one in front. That this is
the neighbour shows in its place, which lies on the neighbour's way, and not where the target is
expected. Then the target is hidden, and waits where it was last seen.

Places are compared in sides of the target's box, so that 1 is its width along x and its height
along y.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from rbsf.geometry import Box, Point

from .box_look import Found
from .motion import Motion

KNOWN = 3
"""A neighbour counts once it was seen so often. What flickers beside a target is none."""
FORGOTTEN = 5
"""A neighbour that was not seen for more frames than this is forgotten."""
SURE = 0.6
"""The mean score from which on a neighbour counts."""
SIZES = (0.4, 2.5)
"""The areas of a neighbour that counts, in areas of the target's box."""
MEMORY = 0.3
"""The share of the present score in a neighbour's mean score."""
SAME = 0.8
"""What is found at most so far from a neighbour's way is that neighbour."""
STAYS = 0.15
"""A target at most so far from where it was expected is itself, whoever is beside it."""
NEARER = 0.5
"""A neighbour is found if its way is nearer by this factor than the target's expected place."""
MEETS = 0.6
"""A neighbour whose way is so near to where the target is expected may hide it, or be found as one
with it. Until the target is seen again, it may be anywhere near."""
APART = 0.4
"""Such a neighbour is not one with the target if something is found so near its way."""
RETURNS, GOES = 0.5, 0.1
"""A target that comes out from behind a neighbour is at most so far from where it is expected, and
by so much farther for each frame in which it was hidden. What is nearer to a neighbour is that."""
AS_GOOD = 0.65
"""It is believed at least so much, relative to the neighbour."""


class Neighbour:
    """One thing that looks like the target, and where it is going.

    Args:
        found: What was found where it was first seen.
    """

    def __init__(self, found: Found) -> None:
        self.box, self.score = found.box, found.decision.score
        self.seen, self.unseen = 1, 0
        self._motion = Motion(found.box.center)

    def see(self, found: Found) -> None:
        """Moves to where it was found in this frame."""
        self.box = found.box
        self.score += MEMORY * (found.decision.score - self.score)
        self._motion.observe(found.box.center, sure=True)
        self.seen, self.unseen = self.seen + 1, 0

    def miss(self) -> None:
        """Goes on as before, in a frame in which it was not found."""
        self.box = Box.from_center(*self._expected, self.box.w, self.box.h)
        self.unseen += 1

    def counts(self, target: Box) -> bool:
        """Whether it surely is a thing, and may be taken for a target of this box."""
        area = self.box.w * self.box.h / (target.w * target.h)
        return self.seen >= KNOWN and self.score >= SURE and SIZES[0] <= area <= SIZES[1]

    def distance(self, place: Point, target: Box) -> float:
        """How far a place is from the way that it is expected to go in this frame."""
        (x, y), (dx, dy) = self.box.center, self._motion.steady
        ax, ay = (place[0] - x) / target.w, (place[1] - y) / target.h
        bx, by = dx / target.w, dy / target.h
        length = bx * bx + by * by
        along = min(max((ax * bx + ay * by) / length, 0.0), 1.0) if length > 0 else 0.0
        return math.hypot(ax - along * bx, ay - along * by)

    @property
    def _expected(self) -> Point:
        (x, y), (dx, dy) = self.box.center, self._motion.steady
        return x + dx, y + dy


class Neighbours:
    """All things that look like the target, in the crops where it was looked for."""

    def __init__(self) -> None:
        self.hidden = 0
        """For how many frames in succession the target has been hidden."""
        self._all: list[Neighbour] = []

    def target(self, found: Found, expected: Box) -> Found | None:
        """Says which of what was found is the target.

        Args:
            found: The best of what was found, with the others.
            expected: The box in which the target was expected.

        Returns:
            The target, or None if it is hidden behind a neighbour.
        """
        known = [one for one in self._all if one.counts(expected)]
        away = _distance(found.box.center, expected)
        passing = [
            one for one in known if self.hidden or one.distance(expected.center, expected) < MEETS
        ]
        hidden, self.hidden = self.hidden, 0
        if away <= STAYS or not any(_taken(one, found, expected, away) for one in passing):
            return found
        returned = [
            other
            for other in found.others
            if other.decision.score > AS_GOOD * found.decision.score
            and (here := _distance(other.box.center, expected)) < RETURNS + GOES * hidden
            and all(one.distance(other.box.center, expected) > min(here, RETURNS) for one in known)
        ]
        self.hidden = 0 if returned else hidden + 1
        return max(returned, key=lambda other: other.decision.score, default=None)

    def observe(self, others: Iterable[Found], expected: Box) -> None:
        """Follows the neighbours, and takes in new ones.

        Args:
            others: All that was found in this frame, but for the target.
            expected: The box in which the target was expected.
        """
        new = list(others)
        for one in sorted(self._all, key=lambda one: -one.seen):
            distances = [one.distance(other.box.center, expected) for other in new]
            if distances and min(distances) < SAME:
                one.see(new.pop(distances.index(min(distances))))
            else:
                one.miss()
        self._all = [one for one in self._all if one.unseen <= FORGOTTEN]
        # what first shows over the target's own box may be a part of it
        self._all += [Neighbour(other) for other in new if not _touch(other.box, expected)]


def _taken(one: Neighbour, found: Found, expected: Box, away: float) -> bool:
    """Whether a neighbour was found in the target's place, or the two of them as one."""
    here = one.distance(found.box.center, expected)
    elsewhere = min((one.distance(o.box.center, expected) for o in found.others), default=math.inf)
    if here < min(NEARER * away, elsewhere):
        return True
    return one.unseen <= 1 and here < MEETS and elsewhere >= APART


def _touch(a: Box, b: Box) -> bool:
    return max(a.x, b.x) < min(a.x + a.w, b.x + b.w) and max(a.y, b.y) < min(a.y + a.h, b.y + b.h)


def _distance(place: Point, target: Box) -> float:
    x, y = target.center
    return math.hypot((place[0] - x) / target.w, (place[1] - y) / target.h)
