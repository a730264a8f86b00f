"""The sign function and the gradients that stand in for its derivative.

Forward, everywhere: `sign(x) = +1 if x >= 0 else -1` (RBCN eq. 5). Zero is +1: a 1-bit number has
no third value, and `torch.sign(0) = 0` would give one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def hard_sign(x: Tensor) -> Tensor:
    """+1 where x >= 0, else -1, in x's dtype and shape; no gradient."""
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)


class _ApproxSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return hard_sign(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slope = (2 - 2 * x.abs()).clamp_(min=0)
        return grad * slope


class _ClippedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return hard_sign(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


def approx_sign(x: Tensor) -> Tensor:
    """sign(x) with RBCN's eq. 8 as its derivative.

        d sign / dx = 2 + 2x on [-1, 0),  2 - 2x on [0, 1),  0 elsewhere

    the slope of a parabola that runs from -1 to +1 (Bi-Real Net's ApproxSign).
    """
    result: Tensor = _ApproxSign.apply(x)
    return result


def clipped_sign(x: Tensor) -> Tensor:
    """sign(x) with the straight-through derivative: 1 on [-1, 1], 0 elsewhere (XNOR-Net)."""
    result: Tensor = _ClippedSign.apply(x)
    return result
