"""What a target looks like: the exemplar's feature, and how search features respond to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .response import Features, Responses, correlate

if TYPE_CHECKING:
    from rbsf.embedder import Embedder


class Template:
    """The feature of the exemplar, which may follow the target's changing looks.

    Args:
        exemplar: The feature of the exemplar crop, C x k x k.
        embedder: The network that made it. Its gain and bias turn correlations into logits.
    """

    def __init__(self, exemplar: NDArray[np.float32], embedder: Embedder) -> None:
        self.exemplar = exemplar
        self._first = self._running = exemplar
        self._gain = np.float32(embedder.response_gain)
        self._bias = np.float32(embedder.response_bias)

    def respond(self, searches: Features) -> Responses:
        """The logits of the target being at each cell of N search features, N x 17 x 17."""
        return correlate(self.exemplar, searches) * self._gain + self._bias

    def blend(self, search: NDArray[np.float32], cell: tuple[int, int], rate: float) -> None:
        """Blends the target's present looks into the exemplar, half of which stays the first one.

        The network has no padding. So the feature of an exemplar crop at the target's place is
        already part of the search feature, to the nearest cell.

        Args:
            search: The search feature in which the target was found, C x 22 x 22.
            cell: The (row, column) of the response's peak.
            rate: The share of the present looks in the running mean, 0 to 1.
        """
        (row, column), (_, height, width) = cell, self.exemplar.shape
        share = np.float32(rate)
        present = search[:, row : row + height, column : column + width]
        self._running = (1 - share) * self._running + share * present
        self.exemplar = (self._first + self._running) / np.float32(2)
