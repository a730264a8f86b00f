"""BinaryNet, the first network of binary weights and activations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rbsf.binarize.sign import clipped_sign
from rbsf.binarize.weights import BinaryWeight, WeightBinarizer


class BinaryNet(WeightBinarizer):
    """BinaryNet's weights: the sign of W, and nothing else.

        forward     What = sign(W),  scale 1 / sqrt(n), n the terms of a sum
        gradient    dWhat/dW = 1 if |W| <= 1, else 0

    `project` clips W to [-1, 1] after every step, as the paper does, because a weight beyond would
    get no gradient. The paper has no scale, and a batch norm takes any constant out again. Ours
    gives a variance of about 1 to the sums of a last layer that has no batch norm.

    References:
        [Binarized Neural Networks](https://arxiv.org/abs/1602.02830), Courbariaux et al., 2016.
    """

    def forward(self, weight: Tensor) -> BinaryWeight:
        scale = weight.new_tensor(1 / math.sqrt(self.shape[1:].numel()))
        return BinaryWeight(clipped_sign(weight), scale)

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Clips W itself to [-1, 1]."""
        weight.clamp_(-1, 1)
