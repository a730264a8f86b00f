"""A target in the middle of a crop, as augmentation takes it from the cache."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.data.crops import CachedTarget
from rbsf.geometry import context_side
from rbsf.nn.siamfc import EXEMPLAR_SIZE

Image = NDArray[np.uint8]
"""An RGB image, H x W x 3."""
Draw = np.random.Generator
"""The source of random numbers."""
ViewBox = tuple[float, float, float, float]
"""A box in a view of a thing: the centre x and y from the view's middle, the width and the height,
in pixels of the view."""


class Thing(NamedTuple):
    """A target in the middle of a crop."""

    crop: Image
    """The crop."""
    size: tuple[float, float]
    """The width and height of the target's box, in pixels of the crop."""
    valid: tuple[int, int, int, int]
    """The left, top, right and bottom edge of the picture, in pixels of the crop. What lies outside
    of them was never seen."""


def read_thing(target: CachedTarget, index: int) -> Thing:
    """Reads a crop of a target as a `Thing`."""
    crop = target.crop(index)
    x, y, w, h = target.boxes[index].tolist()
    frame = target.frame_sizes[index]
    scale = EXEMPLAR_SIZE / context_side(w, h)
    middle = (crop.shape[0] - 1) / 2
    corner = np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    low = np.ceil(middle - corner * scale)
    high = np.floor(middle + (frame - 1 - corner) * scale) + 1
    edges = np.clip(np.concatenate([low, high]), 0, crop.shape[0]).astype(int).tolist()
    return Thing(crop, (w * scale, h * scale), (edges[0], edges[1], edges[2], edges[3]))


def rotated_size(w: float, h: float, angle: float) -> tuple[float, float]:
    """The sides of the box around the rotated ellipse of a w x h box.

    They fit an object more closely than those of a box around the rotated box.
    """
    c, s = math.cos(angle), math.sin(angle)
    return math.hypot(w * c, h * s), math.hypot(w * s, h * c)


def chance(probability: float, draw: Draw) -> bool:
    """Draws True with the given probability. A probability of 0 draws no number."""
    return probability > 0 and bool(draw.random() < probability)
