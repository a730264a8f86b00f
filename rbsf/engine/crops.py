"""The check of what every embedder takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError


def checked_crops(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crops, contiguous in memory.

    Raises:
        InputError: They are not a uint8 array (N, S, S, 3).
    """
    what = "crops are a uint8 array of RGB squares, N x S x S x 3"
    if not isinstance(crops, np.ndarray) or crops.dtype != np.uint8:
        raise InputError(f"{what}, not {getattr(crops, 'dtype', type(crops).__name__)}")
    if crops.ndim != 4 or crops.shape[1] != crops.shape[2] or crops.shape[3] != 3:
        raise InputError(f"{what}, not of shape {'x'.join(map(str, crops.shape))}")
    return np.ascontiguousarray(crops)
