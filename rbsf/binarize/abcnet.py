"""ABC-Net, which approximates weights and activations by several binary ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbsf.binarize.sign import hard_sign, straight_sign, with_gradient_of
from rbsf.binarize.weights import BinaryWeight, Cost, WeightBinarizer

SEVERAL = "it needs several binary convolutions for each of the network's"


class ABCNet(WeightBinarizer):
    """A kernel as a sum of M binary ones, at shifts that are spread over the weights' range.

        forward     W ~ the sum over m of alpha_m B_m                 (ABC-Net)
                    B_m = sign(W - mean + u_m std),  u_m = -1 + 2 (m - 1) / (M - 1)
                    alpha = argmin ||W - B alpha||^2, by least squares, for the layer
        gradient    dB_m/dW = 1, and alpha is a constant              (ABC-Net)

    At inference it takes M binary convolutions, and N times as many where the activations are N
    binary maps (`ABCSign`). With M = 1, u is 0.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        bases: The number M of binary kernels.

    References:
        [ABC-Net](https://arxiv.org/abs/1711.11294), Lin et al., NIPS 2017.
    """

    obstacle = SEVERAL

    def __init__(self, shape: torch.Size, bases: int = 3) -> None:
        super().__init__(shape)
        self.bases = bases

    @property
    def cost(self) -> Cost:
        return Cost(self.bases * self.shape.numel(), self.bases, self.bases)

    def forward(self, weight: Tensor) -> BinaryWeight:
        mean, std = weight.detach().mean(), weight.detach().std(correction=0)
        u = torch.linspace(-1, 1, self.bases) if self.bases > 1 else torch.zeros(1)
        kernels = torch.stack([straight_sign(weight - mean + shift * std) for shift in u.tolist()])
        alpha = _least_squares(kernels.detach(), weight.detach())
        return BinaryWeight(torch.einsum("m,m...->...", alpha, kernels), weight.new_ones(()))


def _least_squares(kernels: Tensor, weight: Tensor) -> Tensor:
    """The alpha (M,) with the least ||W - sum alpha_m B_m||^2, for kernels (M, Cout, Cin, k, k)."""
    columns = kernels.flatten(1)
    gram = (columns[:, None] * columns).sum(dim=-1)  # autocast would round a matrix product
    target = (columns * weight.flatten()).sum(dim=-1, keepdim=True)
    return torch.linalg.lstsq(gram, target).solution[:, 0]


class ABCSign(nn.Module):
    """Activations as a sum of N binary maps, each with a learned threshold and a learned weight.

        forward     A(x) = the sum over n of beta_n H(x + v_n)        (ABC-Net)
                    H(x) = +1 if clip(x, 0, 1) >= 1/2, else -1
        gradient    dH/dx = 1 if 0 <= x <= 1, else 0;  beta and v learn by it

    Args:
        maps: The number N of maps. The thresholds start spread over [0, 1], the weights at 1 / N.
    """

    obstacle = SEVERAL

    def __init__(self, maps: int = 3) -> None:
        super().__init__()
        places = (torch.arange(maps) + 0.5) / maps
        self.v = nn.Parameter(0.5 - (2 * places - 1))
        self.beta = nn.Parameter(torch.full((maps,), 1 / maps))

    def forward(self, x: Tensor) -> Tensor:
        shifted = x[None] + self.v.reshape(-1, *(1,) * x.ndim)
        return torch.einsum("n,n...->...", self.beta, _step(shifted))


def _step(x: Tensor) -> Tensor:
    """H of `ABCSign`, with its gradient."""
    return with_gradient_of(hard_sign(x - 0.5), x.clamp(0, 1))
