"""The sign function, and the gradients that replace its derivative in training.

The forward pass is the same everywhere, `sign(x) = +1 if x >= 0 else -1` (RBCN eq. 5). Zero maps to
+1 because a 1-bit number has no third value. `torch.sign` is not used: it maps zero to zero.

The derivative of sign is zero almost everywhere, so training needs a stand-in. We recommend
`approx_sign`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def hard_sign(x: Tensor) -> Tensor:
    """Gives +1 where x >= 0 and -1 elsewhere, without a gradient, in x's dtype and shape."""
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)


def with_gradient_of(value: Tensor, path: Tensor) -> Tensor:
    """Gives the elements of `value` to the bit, and the gradient of `path`, which has its shape."""
    return value.detach() + (path - path.detach())


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


class _StraightSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return hard_sign(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _TanhSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sharpness: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.sharpness = sharpness
        return hard_sign(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        t = ctx.sharpness
        return grad * (max(1.0, t) * (1 - torch.tanh(t * x).square())), None


def approx_sign(x: Tensor) -> Tensor:
    """Sign, with the slope of a parabola from -1 to +1 as its gradient.

        forward     q(x) = +1 if x >= 0, else -1                     (RBCN eq. 5)
        gradient    dq/dx = 2 + 2x on [-1, 0), 2 - 2x on [0, 1),     (RBCN eq. 8)
                            0 elsewhere

    Args:
        x: A real tensor of any shape.

    Returns:
        A tensor of +1 and -1, in x's dtype and shape.

    References:
        [RBCN](https://arxiv.org/abs/1908.07748) applies it to weights. It is the ApproxSign that
        [Bi-Real Net](https://arxiv.org/abs/1808.00278) applies to activations.
    """
    result: Tensor = _ApproxSign.apply(x)
    return result


def clipped_sign(x: Tensor) -> Tensor:
    """Sign, with the straight-through gradient: that of the identity, clipped to [-1, 1].

        forward     q(x) = +1 if x >= 0, else -1
        gradient    dq/dx = 1 if |x| <= 1, else 0

    Args:
        x: A real tensor of any shape.

    Returns:
        A tensor of +1 and -1, in x's dtype and shape.

    References:
        [Binarized Neural Networks](https://arxiv.org/abs/1602.02830), and
        [XNOR-Net](https://arxiv.org/abs/1603.05279), which uses it too.
    """
    result: Tensor = _ClippedSign.apply(x)
    return result


def straight_sign(x: Tensor) -> Tensor:
    """Sign, with the gradient of the identity. It is meant for values that were clamped before.

        forward     q(x) = +1 if x >= 0, else -1
        gradient    dq/dx = 1

    Args:
        x: A real tensor of any shape.

    Returns:
        A tensor of +1 and -1, in x's dtype and shape.
    """
    result: Tensor = _StraightSign.apply(x)
    return result


def tanh_sign(x: Tensor, sharpness: float) -> Tensor:
    """Sign, with the slope of a tanh as its gradient (IR-Net's error decay estimator).

        forward     q(x) = +1 if x >= 0, else -1
        gradient    dq/dx = k t (1 - tanh(t x)^2),  k = max(1 / t, 1)

    Args:
        x: A real tensor of any shape.
        sharpness: t, above 0. A small one gives the gradient of the identity, a large one nearly
            that of sign.

    Returns:
        A tensor of +1 and -1, in x's dtype and shape.

    References:
        [IR-Net](https://arxiv.org/abs/1909.10788), Qin et al., CVPR 2020.
    """
    result: Tensor = _TanhSign.apply(x, sharpness)
    return result
