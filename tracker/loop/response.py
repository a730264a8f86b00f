"""Response maps: from features to a peak, its scale, its displacement and how far to trust it."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .config import TrackerConfig

Features = NDArray[np.float32]
"""What an embedder returns: N x C x h x w."""
Responses = NDArray[np.float32]
"""One map a search crop, each value a logit: N x 17 x 17."""


FLAT = 1e-5
"""Differences below this share of the values are rounding errors..."""
NOTHING = 1e-30
"""...and values below this are."""


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

    Matrix products take the exemplar's every cell's inner product with every cell of a search row;
    the response is their sum where both cells move together. Each product is small enough for BLAS
    to make it on one thread: others, once woken, spin for milliseconds, and hold up the network's.

    Args:
        exemplar: C x k x k.
        searches: N x C x s x s.

    Returns:
        N x (s-k+1) x (s-k+1).
    """
    channels, kh, kw = exemplar.shape
    count, _, sh, sw = searches.shape
    out_h, out_w = sh - kh + 1, sw - kw + 1
    cells = np.ascontiguousarray(exemplar.reshape(channels, kh * kw).T)
    products = cells @ searches.transpose(0, 2, 1, 3)  # [n, y, (i, j), x]
    image, row, plane, cell = products.strides
    together = as_strided(  # [n, i, j, y, x] = products[n, y + i, (i, j), x + j]
        products, (count, kh, kw, out_h, out_w), (image, row + kw * plane, plane + cell, row, cell)
    )
    responses: Responses = together.sum(axis=(1, 2))
    return responses


def upsample(responses: Responses, factor: int) -> Responses:
    """Bicubic interpolation of each map to `factor` points a cell: N x r x r -> N x fr x fr.

    OpenCV's, but for the last digits, as small matrix products: four times as fast.
    """
    count, height, width = responses.shape
    rows, columns = (_interpolation(extent, factor) for extent in (height, width))
    maps: Responses = rows.reshape(factor, height, height) @ (responses @ columns.T)[:, None]
    return maps.reshape(count, height * factor, width * factor)


@cache
def _interpolation(extent: int, factor: int) -> NDArray[np.float32]:
    """OpenCV's bicubic interpolation along one axis, as a matrix: factor extent x extent."""
    size = (extent, extent * factor)
    return cv2.resize(np.eye(extent, dtype=np.float32), size, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


@cache
def hann_window(size: int, kind: type[np.floating] = np.float64) -> NDArray[np.floating]:
    """The cosine window of size x size, sum 1; made once, not to be written to."""
    row = np.hanning(size)
    window = np.outer(row, row)
    return (window / window.sum()).astype(kind)


def find_peak(responses: Responses, config: TrackerConfig) -> Peak:
    """The best scale and the best place in its response, small changes preferred.

    The scale is that of the highest value, all scales but the middle one being penalised. The place
    is the highest point of (1 - v) r + v window, where r is that map's response, raised and scaled
    to start from 0 and sum to 1, and v is `window_influence`.

    Args:
        responses: one map a scale, ascending.
    """
    if config.parity:
        return _find_peak_reference(responses, config)
    maps = upsample(responses, config.upsampling)
    scale = _best_scale(maps, config)
    response = maps[scale]
    low, high = float(response.min()), float(response.max())
    if high - low <= FLAT * max(abs(low), abs(high), NOTHING):
        return Peak(scale, 0.0, 0.0)  # rounding errors would stand as peaks once scaled
    # To scale the window, not the response, keeps the order of places and takes a single pass.
    total = cv2.sumElems(response)[0] - response.size * low
    weight = total * config.window_influence / (1 - config.window_influence)
    mixed = cv2.scaleAdd(hann_window(len(response), np.float32), weight, response)
    return _peak_at(mixed, scale, config)


def _find_peak_reference(responses: Responses, config: TrackerConfig) -> Peak:
    """`find_peak` step by step as siamfc-pytorch has it, for `parity`."""
    rows, columns = (extent * config.upsampling for extent in responses.shape[1:])
    maps = [cv2.resize(r, (columns, rows), interpolation=cv2.INTER_CUBIC) for r in responses]
    highest = np.array([map_.max() for map_ in maps], np.float64)
    scale = int(np.argmax(highest * _penalties(len(maps), config)))
    response = maps[scale] - maps[scale].min()
    response /= response.sum() + 1e-16
    share = config.window_influence
    mixed = (1 - share) * response + share * hann_window(len(response))
    return _peak_at(mixed, scale, config)


def _peak_at(mixed: NDArray[Any], scale: int, config: TrackerConfig) -> Peak:
    """The highest point of a square map as a displacement from its middle."""
    row, column = divmod(int(mixed.argmax()), len(mixed))
    middle = (len(mixed) - 1) / 2
    dx, dy = ((place - middle) / config.upsampling for place in (column, row))
    return Peak(scale, dx, dy)


def _penalties(count: int, config: TrackerConfig) -> NDArray[np.float64]:
    """A factor a scale, 1 for the middle one."""
    penalties = np.full(count, config.scale_penalty)
    penalties[count // 2] = 1.0
    return penalties


def _best_scale(maps: Responses, config: TrackerConfig) -> int:
    """Index of the best scale; changes are penalised.

    A factor costs above the mean only: below zero, where the reference has it, it is a gain.
    """
    middle = len(maps) // 2
    highest = maps.max(axis=(1, 2)).astype(np.float64)
    mean = cv2.mean(maps.reshape(-1, maps.shape[2]))[0]
    above = (highest - mean) * _penalties(len(maps), config)
    best = int(np.argmax(above))
    return best if above[best] > above[middle] + FLAT * np.abs(highest).max() else middle
