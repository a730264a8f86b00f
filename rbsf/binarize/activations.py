"""Activation binarizers: modules that turn a real map into a map of +1 and -1 of the same shape.

Their forward passes are the same. They differ in the gradient that replaces the derivative of sign.
We recommend `ApproxSign`; `ClippedSign` is there to reproduce XNOR-Net.
"""

from __future__ import annotations

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
