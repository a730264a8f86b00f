"""ReActNet's activations: a rectifier and a sign, each of which learns where it bends or steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbsf.binarize.activations import RSign


class RPReLU(nn.Module):
    """A leaky rectifier that learns, for each channel, where it bends and how steep it is below.

        f(x_i) = x_i - gamma_i + zeta_i             if x_i > gamma_i
                 |beta_i| (x_i - gamma_i) + zeta_i  otherwise           (ReActNet)

    ReActNet leaves the sign of beta free. Here its magnitude is taken, so that f never falls. Then
    f and the sign after it are a step, and the packed engine folds both into its threshold.

    Args:
        channels: The channels of the input.

    References:
        [ReActNet](https://arxiv.org/abs/2003.03488), Liu et al., ECCV 2020.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels, 1, 1))
        self.zeta = nn.Parameter(torch.zeros(channels, 1, 1))
        self.beta = nn.Parameter(torch.full((channels, 1, 1), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        moved = x - self.gamma
        return torch.where(moved > 0, moved, self.beta.abs() * moved) + self.zeta


class ReActSign(nn.Sequential):
    """RPReLU, then RSign, as they follow each other from one of ReActNet's layers to the next.

    In a network without shortcuts nothing reads the map between them, so at inference both cost
    nothing. In training they change which inputs get a gradient.

    Args:
        channels: The channels of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(RPReLU(channels), RSign(channels))
