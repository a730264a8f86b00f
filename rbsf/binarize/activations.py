"""Activation binarizers: a real map in, a map of +-1 out."""

from __future__ import annotations

from torch import Tensor, nn

from rbsf.binarize.sign import approx_sign, clipped_sign


class ApproxSign(nn.Module):
    """sign(x) with eq. 8's gradient: Bi-Real Net's, and what RBCN is built on."""

    def forward(self, x: Tensor) -> Tensor:
        return approx_sign(x)


class ClippedSign(nn.Module):
    """sign(x) with the straight-through gradient: XNOR-Net's."""

    def forward(self, x: Tensor) -> Tensor:
        return clipped_sign(x)
