"""Kernels in which several filters are made from one latent filter."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.weights import WeightBinarizer
from rbsf.errors import InputError


class Planes(WeightBinarizer):
    """The base of binarizers that make `planes` filters from each latent filter.

    Filters i J, i J + 1, ..., i J + J - 1 are the J planes of latent filter i. So a layer of Cout
    filters learns Cout / J of them. The papers count the other way: they name a width in latent
    filters, and their maps have J times as many channels.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        planes: The number J of planes.

    Raises:
        InputError: Cout is not a multiple of J.
    """

    def __init__(self, shape: torch.Size, planes: int) -> None:
        super().__init__(shape)
        self.planes = planes
        if shape[0] % planes:
            raise InputError(
                f"{type(self).__name__} makes {planes} filters from each that it learns, so a "
                f"layer of {shape[0]} channels cannot have it"
            )

    @property
    def latent_shape(self) -> torch.Size:
        return torch.Size((self.shape[0] // self.planes, *self.shape[1:]))

    def kernel(self, weight: Tensor) -> Tensor:
        return weight.repeat_interleave(self.planes, dim=0)

    def latent(self, kernel: Tensor) -> Tensor:
        return kernel[:: self.planes]
