"""Response maps: from features to responses, and from responses to a peak."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .config import TrackerConfig

Features = NDArray[np.float32]
"""What an embedder returns, N x C x h x w."""
Responses = NDArray[np.float32]
"""One map per search crop, N x 17 x 17. Each value is a logit."""

FLAT = 1e-5
"""Differences below this share of the values are rounding errors."""
NOTHING = 1e-30
"""Values below this are rounding errors."""


class Peak(NamedTuple):
    """The place of the target in a stack of responses."""

    crop: int
    """The index of the search crop, and of its response map."""
    dx: float
    """The displacement from the map's middle along x, in cells."""
    dy: float
    """The displacement from the map's middle along y, in cells."""

    def cell(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The nearest (row, column) of a map of the given (height, width)."""
        rows, columns = shape
        row, column = round((rows - 1) / 2 + self.dy), round((columns - 1) / 2 + self.dx)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


def correlate(exemplar: NDArray[np.float32], searches: Features) -> Responses:
    """Cross-correlates one exemplar with N search features. This is the head of SiamFC.

    Matrix products give the inner product of every cell of the exemplar with every cell of a search
    row. The response is their sum over pairs of cells that move together. Each product is so small
    that BLAS computes it on one thread. More threads, once woken, would spin for milliseconds and
    hold up those of the network.

    Args:
        exemplar: The exemplar's feature, C x k x k.
        searches: The search features, N x C x s x s.

    Returns:
        The responses, N x (s-k+1) x (s-k+1).
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
    """Interpolates each map to `factor` points per cell, N x r x r -> N x fr x fr.

    The result is that of OpenCV's bicubic interpolation, but for the last digits. Small matrix
    products make it four times as fast.
    """
    count, height, width = responses.shape
    rows, columns = (_interpolation(extent, factor) for extent in (height, width))
    maps: Responses = rows.reshape(factor, height, height) @ (responses @ columns.T)[:, None]
    return maps.reshape(count, height * factor, width * factor)


@cache
def _interpolation(extent: int, factor: int) -> NDArray[np.float32]:
    """OpenCV's bicubic interpolation along one axis, as a matrix of (factor extent) x extent."""
    size = (extent, extent * factor)
    return cv2.resize(np.eye(extent, dtype=np.float32), size, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


@cache
def hann_window(size: int, kind: type[np.floating] = np.float64) -> NDArray[np.floating]:
    """The cosine window of size x size with a sum of 1. It is shared: do not write to it."""
    row = np.hanning(size)
    window = np.outer(row, row)
    return (window / window.sum()).astype(kind)


def find_peak(responses: Responses, config: TrackerConfig) -> Peak:
    """Finds the best scale and the best place in its response. Small changes are favoured.

    The best scale is that of the highest value, where all scales but the middle one are penalised.
    The best place is the highest point of (1 - v) r + v window. Here r is that scale's response,
    shifted and scaled so that its minimum is 0 and its sum 1, and v is `window_influence`.

    Args:
        responses: One map per scale, ascending.
        config: The tracker's settings.
    """
    if config.parity:
        return _find_peak_reference(responses, config)
    maps = upsample(responses, config.upsampling)
    scale = _best_scale(maps, config)
    response = maps[scale]
    low, high = float(response.min()), float(response.max())
    if not FLAT * max(abs(low), abs(high), NOTHING) < high - low < np.inf:
        return Peak(scale, 0.0, 0.0)  # once scaled, rounding errors would look like peaks
    # Scaling the window instead of the response keeps the order of places and takes one pass.
    total = cv2.sumElems(response)[0] - response.size * low
    weight = total * config.window_influence / (1 - config.window_influence)
    mixed = cv2.scaleAdd(hann_window(len(response), np.float32), weight, response)
    return _peak_at(mixed, scale, config)


def _find_peak_reference(responses: Responses, config: TrackerConfig) -> Peak:
    """`find_peak` step by step as in siamfc-pytorch, for `parity`."""
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
    points = config.upsampling
    return Peak(scale, (column - middle) / points, (row - middle) / points)


def _penalties(count: int, config: TrackerConfig) -> NDArray[np.float64]:
    """One factor per scale; the middle scale has 1."""
    penalties = np.full(count, config.scale_penalty)
    penalties[count // 2] = 1.0
    return penalties


def _best_scale(maps: Responses, config: TrackerConfig) -> int:
    """The index of the best scale, where a change of scale is penalised.

    The factor is applied to what lies above the mean. The reference applies it to the value itself,
    which turns the penalty into a gain where responses are negative.
    """
    middle = len(maps) // 2
    highest = maps.max(axis=(1, 2)).astype(np.float64)
    mean = cv2.mean(maps.reshape(-1, maps.shape[2]))[0]
    above = (highest - mean) * _penalties(len(maps), config)
    best = int(np.argmax(above))
    return best if above[best] > above[middle] + FLAT * np.abs(highest).max() else middle
