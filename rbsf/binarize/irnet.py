"""IR-Net, a weight binarizer that balances the signs of each filter."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.sign import tanh_sign
from rbsf.binarize.standard import standardise
from rbsf.binarize.weights import BinaryWeight, WeightBinarizer, mean_magnitude

SHARPNESS = (1e-2, 1e1)
"""The sharpness t of the gradient's tanh at the start and at the end of the training."""


class IRNet(WeightBinarizer):
    """The sign of standardised weights, scaled by a power of two for each filter.

        forward     V = (W - mean) / std, over each filter
                    What = sign(V),  scale 2^round(log2 mean |V_i|), a constant for the gradient
        gradient    dWhat/dV = k t (1 - tanh(t V)^2),  k = max(1 / t, 1)

    t grows from 0.01 to 10 in the course of the training, as a power of ten. So the gradient is at
    first that of the identity, and in the end close to that of sign.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    References:
        [IR-Net](https://arxiv.org/abs/1909.10788), Qin et al., CVPR 2020.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.set_progress(0.0)

    def forward(self, weight: Tensor) -> BinaryWeight:
        values = standardise(weight)
        scale = torch.exp2(mean_magnitude(values.detach()).log2().round())
        return BinaryWeight(tanh_sign(values, self.sharpness), scale)

    def set_progress(self, share: float) -> None:
        first, last = SHARPNESS
        self.sharpness = first * (last / first) ** share
