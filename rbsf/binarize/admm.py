"""ADMM, which trains real weights and pulls them to binary ones."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.sign import hard_sign
from rbsf.binarize.weights import BinaryWeight, KernelLossGrad, WeightBinarizer, mean_magnitude

INTERVAL = 20
"""The steps of the optimiser between two steps of the dual variable."""


class ADMM(WeightBinarizer):
    """Extremely low bit networks by ADMM: a splitting of the weights into real W and binary G.

        forward     W itself in training;  G = alpha sign(.), alpha_i = mean |.|, in eval mode
        gradient    that of W, which is real
        min over W, G of  f(W) + (rho / 2) ||W - G + lambda||^2,  in turns:
            W         steps of the optimiser, here `INTERVAL` of them
            G         proj(W + lambda) = alpha sign(W + lambda)
            lambda    lambda + W - G

    The rule of G and lambda is a callback of the training: `project`, which is called after every
    step. rho is the weight of the kernel loss. The paper takes its steps of W with an extragradient
    method; we leave them to the optimiser. It quantises weights alone; with a binary input the
    method packs.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    References:
        [Extremely Low Bit Neural Network](https://arxiv.org/abs/1707.09870), Leng et al., AAAI
        2018.
    """

    g: Tensor
    dual: Tensor
    steps: Tensor

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.register_buffer("g", torch.zeros(shape))
        self.register_buffer("dual", torch.zeros(shape))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, weight: Tensor) -> BinaryWeight:
        alpha = mean_magnitude(self.g)
        values = weight / alpha if self.training else hard_sign(self.g)
        return BinaryWeight(values, alpha)

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """The augmented term ||W - G + lambda||^2, without rho / 2. G and lambda are constants."""
        return (weight - self.g + self.dual).square().sum()

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Starts anew from W: G is its projection, and lambda is 0."""
        self.g.copy_(_projection(weight))
        self.dual.zero_()

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Takes the steps of G and lambda when they are due. W is left as it is."""
        self.steps += 1
        if self.steps % INTERVAL == 0:
            self.g.copy_(_projection(weight + self.dual))
            self.dual += weight - self.g


def _projection(values: Tensor) -> Tensor:
    """The nearest alpha times signs, for each filter."""
    return mean_magnitude(values) * hard_sign(values)
