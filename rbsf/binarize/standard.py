"""The standardisation of kernels, which ReCU and IR-Net begin with."""

from __future__ import annotations

from torch import Tensor

SMALLEST_VARIANCE = 1e-12
"""What is added to a variance, so that a constant filter stays finite."""


def standardise(weight: Tensor) -> Tensor:
    """Gives each filter of a kernel (Cout, Cin / groups, k, k) mean 0 and variance 1.

    Half of a filter's signs are then about +1, which is when signs carry the most information.
    """
    centred = weight - weight.mean(dim=(1, 2, 3), keepdim=True)
    variance = centred.square().mean(dim=(1, 2, 3), keepdim=True)
    return centred / (variance + SMALLEST_VARIANCE).sqrt()
