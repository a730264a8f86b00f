"""From when on a target counts as lost: from when too much doubt has gathered."""

from __future__ import annotations

import math

SUREST = 50.0
"""No logit counts as further from 0 than this, so that scores and settings of 0 and 1 have one."""


class Doubt:
    """Gathers doubt from the scores of successive frames, by Page's cumulative sum test.

        doubt = max(0, doubt + logit(lost_below) - logit(score))

    A target that turns or is blurred scores a little too low for some frames. One that is gone
    scores so low that a frame or two tell it. Of all rules that raise as few false alarms, this
    kind tells a change soonest in the worst case, if successive scores are independent. Here they
    are not quite.

    Args:
        lost_below: Scores below this add to the doubt, and scores above it take away, 0 to 1.
        allowed: How much doubt there may be, in logits. With 0, the first score below `lost_below`
            is too much.

    References:
        E. S. Page, Continuous inspection schemes, Biometrika 41, 1954; G. V. Moustakides, Optimal
        stopping times for detecting changes in distributions, Annals of Statistics 14, 1986.
    """

    def __init__(self, lost_below: float, allowed: float) -> None:
        self._level, self._allowed = _logit(lost_below), allowed
        self._sum = 0.0

    def is_too_large(self, score: float) -> bool:
        """Takes in the score of a frame, and says whether too much doubt has gathered.

        Once there is too much, it stays too much.

        Args:
            score: The score, 0 to 1.
        """
        if self._sum <= self._allowed:
            self._sum = max(0.0, self._sum + self._level - _logit(score))
        return self._sum > self._allowed


def _logit(p: float) -> float:
    """The logit of a probability, within bounds."""
    if not 0 < p < 1:
        return SUREST if p >= 1 else -SUREST
    return min(max(math.log(p) - math.log1p(-p), -SUREST), SUREST)
