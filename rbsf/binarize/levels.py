"""Activations of a few levels, for networks whose weights are +1 and -1.

A sign keeps one bit of each activation, and loses far more by that than the weights lose by theirs.
In a pilot, the slim backbone was taught NanoTrack V3's features for 110 to 150 seconds of one core.
On pictures that it had not seen, the mean squared difference of normalised features (2 means
unrelated) was as below. `configs/rbsf_box_features.yaml` repeats the three kinds of activations.

    weights        real    +-1     +-1            +-1           +-1      real
    activations    ReLU    ReLU    four levels    two levels    sign     sign
    difference     .757    .853    .914           1.055         1.103    1.099

A level below four is a number of two binary digits, 2 b1 + b0. So the packed engine computes two
sums of bits where a sign needs one, and the map between two layers takes twice the memory. The
weights, and nearly all of the file, stay as they are. `rbsf.engine.pack` says how everything after
the sum folds into one integer threshold for each step.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from rbsf.errors import InputError


class _Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, height: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.top = steps * height
        level = torch.zeros_like(x)
        for step in range(steps):
            level += x >= (step + 0.5) * height
        return level.mul_(height)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return grad * ((x > 0) & (x < ctx.top)), None, None


class Levels(nn.Module):
    """A staircase from 0, with the gradient of the clipped ReLU that it follows.

        forward     q(x) = h clip(floor(x / h + 1/2), 0, n)
                         = h (the number of steps i in 1..n with x >= (i - 1/2) h)
        gradient    dq/dx = 1 if 0 < x < n h, else 0

    The second line is what is computed, because each of its comparisons is exact in float32. The
    name "two_bit" stands for n = 3 and h = 1/2, "one_bit" for n = 1 and h = 1.

    Args:
        steps: The number n of steps, at least 1.
        height: The height h of a step, a power of two. Then a sum of values is an exact multiple of
            h in float32.

    Raises:
        InputError: There is no step, or the height is not a power of two.

    References:
        [DoReFa-Net](https://arxiv.org/abs/1606.06160), whose activations have k bits. Its range is
        0 to 1.
    """

    def __init__(self, steps: int, height: float) -> None:
        super().__init__()
        if steps < 1 or not 0 < height < math.inf or math.frexp(height)[0] != 0.5:
            raise InputError(
                f"Levels: there must be at least one step, and its height must be a power of two, "
                f"but there are {steps} of {height:g}"
            )
        self.steps, self.height = steps, height

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = _Levels.apply(x, self.steps, self.height)
        return result


def unit_of(binarizer: nn.Module) -> float:
    """The number by which an activation binarizer's values are whole: h for levels, 1 for signs."""
    return binarizer.height if isinstance(binarizer, Levels) else 1.0
