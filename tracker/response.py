"""Response maps: from features to a peak, its scale, its displacement and how far to trust it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tracker.config import TrackerConfig

Features = NDArray[np.float32]
"""What an embedder returns: N x C x h x w."""
Responses = NDArray[np.float32]
"""One map a search crop, each value a logit: N x 17 x 17."""


FLAT = 1e-5
"""Differences below this share of the values are rounding errors."""


class Peak(NamedTuple):
    """Where the target is in a stack of responses."""

    crop: int
    """Index of the search crop, and of its response map."""
    dx: float
    """Displacement from the map's middle, in cells."""
    dy: float

    def cell(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The nearest (row, column) of a map of that height and width."""
        rows, columns = shape
        row, column = round((rows - 1) / 2 + self.dy), round((columns - 1) / 2 + self.dx)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


def correlate(exemplar: NDArray[np.float32], searches: Features) -> Responses:
    """Cross-correlation of one exemplar with N search features, the head of SiamFC.

    One matrix product takes each exemplar cell's inner product with every search cell; the
    response is its sum along the diagonals where both move together.

    Args:
        exemplar: C x k x k.
        searches: N x C x s x s.

    Returns:
        N x (s-k+1) x (s-k+1).
    """
    channels, kh, kw = exemplar.shape
    count, _, sh, sw = searches.shape
    out_h, out_w = sh - kh + 1, sw - kw + 1
    cells = exemplar.reshape(channels, kh * kw).T @ searches.reshape(count, channels, sh * sw)
    step = cells.itemsize
    plane = sh * sw * step
    diagonals = as_strided(  # [n, i, j, y, x] = cells[n, (i, j), (y + i, x + j)]
        cells,
        (count, kh, kw, out_h, out_w),
        (kh * kw * plane, kw * plane + sw * step, plane + step, sw * step, step),
    )
    responses: Responses = diagonals.sum(axis=(1, 2))
    return responses


def upsample(responses: Responses, factor: int) -> Responses:
    """Bicubic interpolation of each map to `factor` points a cell: N x r x r -> N x fr x fr."""
    size = (responses.shape[2] * factor, responses.shape[1] * factor)
    return np.stack([cv2.resize(r, size, interpolation=cv2.INTER_CUBIC) for r in responses])


def hann_window(size: int) -> NDArray[np.float64]:
    """The cosine window of size x size, sum 1."""
    row = np.hanning(size)
    window = np.outer(row, row)
    normalised: NDArray[np.float64] = window / window.sum()
    return normalised


def find_peak(responses: Responses, config: TrackerConfig, window: NDArray[np.float64]) -> Peak:
    """The best scale and the best place in its response, small changes preferred.

    The scale is that of the highest value, all scales but the middle one being penalised; the
    place is the highest point of that map mixed with the window.

    Args:
        responses: one map a scale, ascending.
        window: as large as an upsampled map, sum 1.
    """
    maps = upsample(responses, config.upsampling)
    scale = _peak_scale(maps, config)
    response = maps[scale] - maps[scale].min()
    if not config.parity and response.max() <= FLAT * np.abs(maps[scale]).max():
        response[:] = 0.0  # or rounding errors would stand as peaks once divided by their sum
    response /= response.sum() + 1e-16
    mixed = (1 - config.window_influence) * response + config.window_influence * window
    row, column = np.unravel_index(np.argmax(mixed), mixed.shape)
    middle = (len(response) - 1) / 2
    dx, dy = (float(place - middle) / config.upsampling for place in (column, row))
    return Peak(scale, dx, dy)


def _peak_scale(maps: Responses, config: TrackerConfig) -> int:
    """Index of the best scale; changes are penalised."""
    highest = maps.max(axis=(1, 2)).astype(np.float64)
    penalty = np.full(len(maps), config.scale_penalty)
    middle = len(maps) // 2
    penalty[middle] = 1.0
    if config.parity:
        return int(np.argmax(highest * penalty))
    # a factor costs above the mean only: below zero, where the reference has it, it is a gain
    above = (highest - maps.mean()) * penalty
    best = int(np.argmax(above))
    return best if above[best] > above[middle] + FLAT * np.abs(highest).max() else middle
