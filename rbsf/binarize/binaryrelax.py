"""BinaryRelax, whose weights gradually become binary."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.sign import hard_sign, with_gradient_of
from rbsf.binarize.weights import BinaryWeight, WeightBinarizer, mean_magnitude

PHASE_TWO = 0.8
"""The share of the training after which weights are exactly binary."""

GROWTH = (1.02, 300)
"""The factor rho of lambda, and how often it is applied in phase I: from 1 to 380."""


class BinaryRelax(WeightBinarizer):
    """Weights between W and their projection, and nearer to it as training goes on.

        forward     x_i = (W_i + lambda proj(W_i)) / (1 + lambda),  lambda grows: phase I
                    x_i = proj(W_i) = alpha_i sign(W_i),  alpha_i = mean |W_i|: phase II
        gradient    dL/dW = dL/dx, and alpha is a constant

    In eval mode it is always the projection, which is what is left at inference. The paper
    quantises weights alone; with a binary input it packs. Phase II wants a small learning rate,
    which a falling schedule gives.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    References:
        [BinaryRelax](https://arxiv.org/abs/1801.06313), Yin et al., SIAM J. Imaging Sciences 2018.
        The paper multiplies lambda by 1.02 from 1 on; when phase II begins is our choice.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.set_progress(0.0)

    def forward(self, weight: Tensor) -> BinaryWeight:
        alpha = mean_magnitude(weight.detach())
        values = hard_sign(weight)
        if self.training and self.share < PHASE_TWO:
            values = (weight / alpha + self.strength * values) / (1 + self.strength)
        return BinaryWeight(with_gradient_of(values, weight / alpha), alpha)

    def set_progress(self, share: float) -> None:
        rho, times = GROWTH
        self.share, self.strength = share, rho ** (times * share / PHASE_TWO)
