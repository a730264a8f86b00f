"""A made-up video with known boxes, and an embedder that needs no weights."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Box

Colour = tuple[int, int, int]
BLUE, RED, GREEN, YELLOW = (230, 40, 20), (20, 30, 235), (30, 200, 20), (10, 230, 230)

SPREAD = 15
NEAR_LEVEL = [
    np.maximum(0, 255 - 2 * abs(np.arange(256) - level)).astype(np.uint8) for level in (0, 127, 255)
]
"""How near each value of a channel is to dark, middling and bright: tables of 256."""


class ColourEmbedder:
    """Colour histograms around each cell, laid out as SiamFC's features.

    Cell i of a crop looks at pixel 43 + 8 i: 6 x 6 cells for a crop of 127, 22 x 22 for 255.
    """

    name = "colour"
    engine = "numpy"
    path = ""
    weights_sha256 = "0" * 64
    response_gain = 0.5
    response_bias = -4.0

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        return np.stack([self._embed(crop) for crop in crops])

    def _embed(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        mean = [cv2.blur(cv2.LUT(crop, near), (SPREAD, SPREAD)) for near in NEAR_LEVEL]
        cells = np.concatenate(
            [m[43 : len(crop) - 43 : 8, 43 : len(crop) - 43 : 8] for m in mean], 2
        )
        return np.ascontiguousarray(cells.transpose(2, 0, 1) / np.float32(255) - np.float32(1 / 3))


def background(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Soft grey clouds, width x height, BGR."""
    noise = np.random.default_rng(seed).uniform(60, 190, (size[1] // 16 + 2, size[0] // 16 + 2))
    grey = cv2.resize(noise.astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def paint_target(
    frame: NDArray[np.uint8], box: Box, outer: Colour = BLUE, inner: Colour = RED
) -> NDArray[np.uint8]:
    """The frame with a target of two colours in the box."""
    painted = frame.copy()
    x, y, w, h = (round(value) for value in box)
    cv2.rectangle(painted, (x, y, w, h), outer, -1)
    cv2.rectangle(painted, (x + w // 4, y + h // 4, w // 2, h // 2), inner, -1)
    return painted


def moving_boxes(count: int, growth: float = 1.0) -> list[Box]:
    """A target on a curve, its size multiplied by `growth` each frame."""
    return [
        Box.from_center(90 + 2.5 * t, 120 + 30 * np.sin(t / 8), 36 * growth**t, 28 * growth**t)
        for t in range(count)
    ]
