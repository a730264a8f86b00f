"""What a network with a box head says, whatever runs it. This module does not need torch."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class BoxAnswer(NamedTuple):
    """What the network says about one search crop, at the cells of an r x r grid, r = 17."""

    response: Floats
    """The plain correlation, r x r, as logits."""
    target: Floats
    """The head's belief that the target's middle is here, r x r, as logits."""
    quality: Floats
    """The IoU that the box of this cell is expected to have, r x r, as logits."""
    boxes: Floats
    """The boxes, 4 x r x r: the centre x and y from the crop's middle, the width and the height, in
    pixels of the crop."""


class BoxNetwork(Protocol):
    """A network with a box head that is ready to look for a target."""

    name: str
    """The name that reports show: the file's name without its suffix."""
    weights_sha256: str
    """The SHA-256 of the network's file; empty for a network in memory."""

    def exemplar(self, crop: NDArray[np.uint8]) -> Any:
        """Prepares an exemplar crop, RGB uint8 1 x 127 x 127 x 3, for `search`."""
        ...

    def search(
        self, exemplar: Any, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        """Looks for the target in a search crop.

        Args:
            exemplar: What `exemplar` gave.
            crop: The search crop, RGB uint8 1 x 255 x 255 x 3, cut for the believed size.
            believed: The width and height that are expected, in pixels of the crop.
        """
        ...
