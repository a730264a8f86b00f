"""How surely a response shows the target, and when the target counts as lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .config import TrackerConfig
from .response import FLAT, Peak

NEAR = 2
"""Cells around the target that show it too, as in SiamFC's labels."""


class Confidence:
    """Scores responses against the first frame's, where the target is known to be.

        score = (peak - floor_1) / (peak_1 - floor_1), held within 0..1

    peak_1 is the response to the target in the frame of its exemplar; floor_1 lies halfway between
    the mean and the highest of the responses beside it there. So 1 says "as alike as in the first
    frame" and 0 "as alike as a likely place beside the target". The score does not change with the
    gain or bias of the responses: it needs no calibration of the network. Of the measures tried
    (peak-to-sidelobe ratio, margin over the second peak, running references) this one told
    tracked targets from vanished ones best, with one threshold for different networks.

    Args:
        first: response of the first frame, h x w, the target at its middle.
    """

    def __init__(self, first: NDArray[np.float32]) -> None:
        row, column = (extent // 2 for extent in first.shape)
        around = np.ones(first.shape, dtype=bool)
        around[row - NEAR : row + NEAR + 1, column - NEAR : column + NEAR + 1] = False
        self.floor = float(first[around].mean() + first[around].max()) / 2
        self.height = float(first[row, column]) - self.floor
        self.flat = self.height <= FLAT * float(np.abs(first).max())

    def score(self, response: NDArray[np.float32], peak: Peak) -> float:
        """Score of the target being at a peak of a response; 0..1."""
        row, column = peak.cell(response.shape)
        near = response[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if self.flat:  # an exemplar that does not stand out finds nothing surely
            return 0.0
        return min(max((float(near.max()) - self.floor) / self.height, 0.0), 1.0)


class LostFlag:
    """Lost after `patience` successive scores below `lost_below`, until one of `found_above`."""

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.lost = False
        self._low = 0

    def update(self, score: float) -> bool:
        """Takes the score of a frame in; whether the target is lost."""
        self._low = self._low + 1 if score < self.config.lost_below else 0
        if self._low >= self.config.patience:
            self.lost = True
        elif score >= self.config.found_above:
            self.lost = False
        return self.lost
