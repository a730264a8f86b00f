"""What a network with a box head says, whatever runs it. This module does not need torch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError

Floats = NDArray[np.float32]

STRIDE = 8
SHIFT_UNIT = 32.0
TYPICAL_SIDE = 63.5
LARGEST_GROWTH = 1.5
"""The constants of these names in `rbsf.nn`, which imports torch. A test compares them."""


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
    engine: str
    """What runs the network: "packed" or "torch"."""
    path: str
    """Which of the engine's kernels run; empty for an engine that has only one kind."""
    weights_sha256: str
    """The SHA-256 of the network's file; empty for a network in memory."""

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> Floats:
        """Embeds an exemplar crop, RGB uint8 1 x 127 x 127 x 3, as a feature, 6 x 6 x C.

        Its unit is the engine's own. Features of one network can be averaged.
        """
        ...

    def exemplar(self, feature: Floats) -> Any:
        """Prepares what `exemplar_feature` gave, or a mean of such features, for `search`."""
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


def has_box_head(network: object) -> TypeGuard[BoxNetwork]:
    """Whether a network answers with boxes, and not with features alone."""
    return hasattr(network, "exemplar") and hasattr(network, "search")


def feature_bytes(feature: Floats) -> NDArray[np.uint8]:
    """Rounds a mean of exemplars' features, 6 x 6 x C, to the bytes that a packed network takes.

    A feature of a packed network is its bytes, 0 to 255, of which 128 stands for 0.
    """
    return np.rint(np.clip(feature, 0, 255)).astype(np.uint8)


def checked_sizes(believed: tuple[float, float]) -> tuple[float, float]:
    """The logarithms of believed sides, as the head takes them.

    Raises:
        InputError: A side is not positive and finite.
    """
    if not all(0 < side < math.inf for side in believed):
        raise InputError(f"a believed size is positive and finite, not {believed}")
    width, height = map(relative_size, believed)
    return width, height


def answer_of(maps: Floats, believed: tuple[float, float]) -> BoxAnswer:
    """The answer from the head's maps, (7, r, r): response, target, quality and four codes."""
    return BoxAnswer(maps[0], maps[1], maps[2], decode_boxes(maps[3:], believed))


def relative_size(side: float) -> float:
    """The logarithm of a believed side, in pixels of the crop, relative to the typical one."""
    return math.log(side / TYPICAL_SIDE)


def decode_boxes(codes: Floats, believed: tuple[float, float]) -> Floats:
    """Decodes the boxes of one crop, as `rbsf.nn.box_head.decode_boxes` does.

    Args:
        codes: The codes, (4, r, r): dx and dy from the cell in units of 32 pixels, and the
            logarithms of width and height relative to the believed ones.
        believed: The believed width and height, in pixels of the search crop.

    Returns:
        The boxes, (4, r, r), as `BoxAnswer` has them.
    """
    size = codes.shape[-1]
    cells = (np.arange(size) - (size - 1) / 2) * STRIDE
    boxes = np.empty_like(codes)
    boxes[0] = cells + codes[0] * SHIFT_UNIT
    boxes[1] = cells[:, None] + codes[1] * SHIFT_UNIT
    growth = np.exp(codes[2:].clip(-LARGEST_GROWTH, LARGEST_GROWTH))
    boxes[2:] = growth * np.array(believed, np.float32)[:, None, None]
    return boxes
