"""Activation binarizers: modules that turn a real map into a map of +1 and -1 of the same shape.

The forward passes of `ApproxSign` and `ClippedSign` are the same. They differ in the gradient that
replaces the derivative of sign. We recommend `ApproxSign`; `ClippedSign` is there to reproduce
XNOR-Net. `RSign` learns where it steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbsf.binarize.sign import approx_sign, clipped_sign


class ApproxSign(nn.Module):
    """Sign with Bi-Real Net's gradient, on which RBCN builds.

        forward     q(x) = +1 if x >= 0, else -1        (RBCN eq. 5)
        gradient    dq/dx = max(0, 2 - 2 |x|)           (RBCN eq. 8)

    `rbsf.binarize.sign.approx_sign` is the same as a function.
    """

    def forward(self, x: Tensor) -> Tensor:
        return approx_sign(x)


class ClippedSign(nn.Module):
    """Sign with the straight-through gradient, as in XNOR-Net.

        forward     q(x) = +1 if x >= 0, else -1
        gradient    dq/dx = 1 if |x| <= 1, else 0

    `rbsf.binarize.sign.clipped_sign` is the same as a function.
    """

    def forward(self, x: Tensor) -> Tensor:
        return clipped_sign(x)


class RSign(nn.Module):
    """Sign with a learned threshold for each channel, and Bi-Real Net's gradient.

        forward     q(x_i) = +1 if x_i >= alpha_i, else -1
        gradient    dq/dx_i = max(0, 2 - 2 |x_i - alpha_i|),  dq/dalpha_i = -dq/dx_i

    In our backbone, a batch norm stands before every sign, so alpha can express nothing that the
    norm's beta cannot. It adds a second rate of learning to the same number. Packed, both are part
    of one integer threshold.

    Args:
        channels: The channels of the input.

    References:
        [ReActNet](https://arxiv.org/abs/2003.03488), Liu et al., ECCV 2020.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return approx_sign(x - self.alpha.reshape(1, -1, 1, 1))
