"""ReCU, a weight binarizer that brings back weights which are too large to change their sign."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rbsf.binarize.sign import straight_sign
from rbsf.binarize.standard import standardise
from rbsf.binarize.weights import SMALLEST_SCALE, BinaryWeight, WeightBinarizer, mean_magnitude

TAU = (0.85, 0.99)
"""The quantile beyond which weights are clamped, at the start and at the end of the training."""


class ReCU(WeightBinarizer):
    """The sign of standardised weights whose tails are clamped, with a learned scale.

        forward     V = 2 sqrt(2) (W - mean) / std, over each filter
                    Q = -mean |V| ln(2 - 2 tau), the quantile tau of a Laplace distribution
                    What = sign(clamp(V, -Q, Q)),  scale alpha_i, learned
        gradient    dWhat/dV = 1 if |V| <= Q, else 0

    The clamp changes no sign. It stops the gradient of the tails, and the standardisation then
    draws their weights back. tau grows from 0.85 to 0.99 in the course of the training, as
    a e^progress + b.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    References:
        [ReCU](https://arxiv.org/abs/2103.12369), Xu et al., ICCV 2021.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.alpha = nn.Parameter(torch.ones(shape[0], 1, 1, 1))
        self.set_progress(0.0)

    def forward(self, weight: Tensor) -> BinaryWeight:
        values = 2 * math.sqrt(2) * standardise(weight)
        quantile = float(-values.detach().abs().mean() * math.log(2 - 2 * self.tau))
        return BinaryWeight(straight_sign(values.clamp(-quantile, quantile)), self.alpha)

    def set_progress(self, share: float) -> None:
        first, last = TAU
        slope = (last - first) / (math.e - 1)
        self.tau = first + slope * (math.exp(share) - 1)

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Sets alpha to the mean of |W| of each filter."""
        self.alpha.copy_(mean_magnitude(weight))

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Keeps alpha positive. A negative scale would flip every later comparison."""
        self.alpha.clamp_(min=SMALLEST_SCALE)
