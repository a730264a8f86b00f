"""Tiles of a strip: the part of a frame around the target, and boxes in its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Frame

from ..metrics import Floats

TILE_SIZE = (240, 180)
"""(width, height) of a tile, pixels."""
JPEG_QUALITY = 72
LEAST_VIEW = 64.0
"""A tile shows at least so many pixels of the frame from left to right."""

Window = tuple[float, float, float]
"""Left, top, and width of a part of a frame in pixels, 0-indexed. The tile's shape says how high it
is."""


@dataclass(frozen=True)
class Mark:
    """A box in a tile.

    Attributes:
        tracker: The tracker's place in the study, or None for the true box.
        box: x, y, w, h in pixels of the tile.
        overlap: The overlap with the true box; NaN where there is none.
    """

    tracker: int | None
    box: tuple[float, float, float, float]
    overlap: float


@dataclass(frozen=True)
class Tile:
    """A part of one frame.

    Attributes:
        number: The frame's number in the sequence, counted from 1.
        image: BGR, cut out around the target and resized to TILE_SIZE.
        marks: The true box, then those of the trackers, the one in focus last: it lies on top.
        lost: Whether the tracker in focus loses its target for good in this frame.
    """

    number: int
    image: Frame
    marks: tuple[Mark, ...]
    lost: bool

    @property
    def jpeg(self) -> bytes:
        """The image as a JPEG file."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        return cv2.imencode(".jpg", self.image, quality)[1].tobytes()


def view(boxes: Floats, frame_size: tuple[int, int]) -> Window:
    """The part of a frame to show: the boxes with what surrounds them, in the shape of a tile.

    Args:
        boxes: N x 4, 1-indexed; those that are not finite are left out.
    """
    width, height = frame_size
    aspect = TILE_SIZE[0] / TILE_SIZE[1]
    widest = max(width, height * aspect)
    shown = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(shown):
        return ((width - widest) / 2, (height - widest / aspect) / 2, widest)
    low, high = shown[:, :2].min(axis=0) - 1, (shown[:, :2] + shown[:, 2:]).max(axis=0) - 1
    extent = high - low
    target = shown[0, 2:]
    needed = max(1.25 * max(extent[0], extent[1] * aspect), 3.5 * target[0], 3.5 * target[1])
    side = float(min(max(needed, LEAST_VIEW), widest))
    left, top = (low + high) / 2 - np.array([side, side / aspect]) / 2
    return (_inside(left, side, width), _inside(top, side / aspect, height), side)


def _inside(start: float, length: float, limit: int) -> float:
    """Where a stretch begins once it is moved into the frame; centred if it is longer."""
    return (limit - length) / 2 if length >= limit else float(min(max(start, 0), limit - length))


def cut(frame: Frame, window: Window) -> Frame:
    """A part of a frame, resized to a tile; grey where it reaches beyond the frame."""
    left, top, width = window
    scale = TILE_SIZE[0] / width
    matrix: NDArray[np.float64] = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    if scale < 1:  # warpAffine does not average: shrink first, then cut
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        matrix = np.array([[1, 0, -left * scale], [0, 1, -top * scale]])
    return cv2.warpAffine(frame, matrix, TILE_SIZE, borderValue=(40, 40, 40))  # type: ignore[return-value]


def within(box: Floats, window: Window) -> tuple[float, float, float, float]:
    """A 1-indexed box in the pixels of the tile that shows this part of the frame."""
    left, top, width = window
    scale = TILE_SIZE[0] / width
    x, y, w, h = box.tolist()
    return ((x - 1 - left) * scale, (y - 1 - top) * scale, w * scale, h * scale)
