"""How sure it is that a response shows the target, and when the target counts as lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .config import TrackerConfig
from .response import FLAT, Peak

NEAR = 2
"""How many cells around the target show it too, as in SiamFC's labels."""


class Confidence:
    """Scores responses against that of the first frame, in which the target's place is known.

        score = (peak - floor_1) / (peak_1 - floor_1), limited to 0..1

    peak_1 is the response to the target in the frame of its exemplar. floor_1 lies halfway between
    the mean and the highest of the responses beside the target there. A score of 1 means "as alike
    as in the first frame", and 0 means "no more alike than a likely place beside the target". The
    score does not depend on the gain and bias of the responses, so the network needs no
    calibration. Other measures were tried: the peak-to-sidelobe ratio, the margin over the second
    peak, and running references. This one separated tracked targets from vanished ones best, with
    one threshold for different networks.

    Args:
        first: The response of the first frame, h x w, with the target at its middle.
    """

    def __init__(self, first: NDArray[np.float32]) -> None:
        row, column = (extent // 2 for extent in first.shape)
        around = np.ones(first.shape, dtype=bool)
        around[row - NEAR : row + NEAR + 1, column - NEAR : column + NEAR + 1] = False
        self.floor = float(first[around].mean() + first[around].max()) / 2
        self.height = float(first[row, column]) - self.floor
        self.flat = not self.height > FLAT * float(np.abs(first).max())

    def score(self, response: NDArray[np.float32], peak: Peak) -> float:
        """Scores the target at a peak of a response.

        Args:
            response: The response map of one crop, h x w.
            peak: The peak in that map.

        Returns:
            A score from 0 to 1. It is 0 where the network's numbers are not finite.
        """
        row, column = peak.cell(response.shape)
        near = response[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if self.flat:  # an exemplar that does not stand out can be found nowhere
            return 0.0
        score = (float(near.max()) - self.floor) / self.height
        return min(score, 1.0) if score > 0.0 else 0.0


class LostFlag:
    """Says when a target is lost.

    It is lost after `patience` successive scores below `lost_below`, and found again with the first
    score of at least `found_above`.

    Args:
        config: The tracker's settings.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.lost = False
        self._low = 0

    def update(self, score: float) -> bool:
        """Takes in the score of a frame and returns whether the target is lost."""
        self._low = self._low + 1 if score < self.config.lost_below else 0
        if self._low >= self.config.patience:
            self.lost = True
        elif score >= self.config.found_above:
            self.lost = False
        return self.lost
