"""Weight binarizers: a real kernel in, its signs and their scale out.

A binarizer is a module built from the kernel's shape, so that what it learns (RBCN's C) lives in
the network's state. All of them give `signs` whose *values* are exactly +1 and -1, so the
convolution of a binary map with them is an exact integer in float32, and a positive `scale` that
multiplies that integer afterwards: what the packed engine folds into one threshold.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from rbsf.binarize.sign import approx_sign, clipped_sign, hard_sign

CShape = Literal["kernel", "layer", "channel"]
KernelLossGrad = Literal["direct", "autograd", "paper"]

SMALLEST_SCALE = 1e-6


class BinaryWeight(NamedTuple):
    """`signs` (Cout, Cin, k, k) of +-1; `scale`, a scalar or (Cout, 1, 1, 1), positive."""

    signs: Tensor
    scale: Tensor


class WeightBinarizer(nn.Module):
    """Base: a map from a latent kernel (Cout, Cin, k, k) to a BinaryWeight."""

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape

    def fit(self, weight: Tensor) -> None:
        """Sets what is learned to its closed form for this kernel; called when W is initialised."""

    def project(self) -> None:
        """Brings what is learned back into its domain; called after every optimiser step."""

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """Sum of squares between W and its approximation; zero for methods without such a loss."""
        return weight.new_zeros(())


class RBCN(WeightBinarizer):
    """Rectified binary weights: What = sign(W), rectified by a learned C (RBCN eq. 5, 6).

    C is one k x k matrix a layer, shape (1, 1, k, k) (`kernel`); `layer` makes it a scalar and
    `channel` one scalar a filter, (Cout, 1, 1, 1). The forward pass sees its mean C* alone, the
    backward pass its elements. With r = 1 + (C - stop(C)) / C*, whose value is exactly 1,

        F_out = C* conv(F_in, What (.) r)

    so dL/dC[a, b] is eq. 6's, the sum over filters and channels of dL/d(What C)[i, c, a, b]
    What[i, c, a, b], while the convolution itself stays an integer. The gradient of sign is eq. 8.
    """

    def __init__(self, shape: torch.Size, c_shape: CShape = "kernel") -> None:
        super().__init__(shape)
        size = {
            "kernel": (1, 1, shape[2], shape[3]),
            "layer": (1, 1, 1, 1),
            "channel": (shape[0], 1, 1, 1),
        }
        self.c = nn.Parameter(torch.ones(size[c_shape]))
        self.per_filter = c_shape == "channel"

    @property
    def c_star(self) -> Tensor:
        """C*, the one scalar (or one a filter) left at inference."""
        c = self.c.detach()
        return c if self.per_filter else c.mean()

    def forward(self, weight: Tensor) -> BinaryWeight:
        c_star = self.c_star
        rectifier = 1 + (self.c - self.c.detach()) / c_star
        return BinaryWeight(approx_sign(weight) * rectifier, c_star)

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """||W - C What||^2 of eq. 4, summed over filters; C itself, not C* (eq. 15).

        Args:
            weight: the latent W.
            gradient: which way it reaches W. `direct` through W alone, W - C What, which pulls |W|
                towards C; `paper` through What alone, as eq. 9 to 11 print it (it climbs);
                `autograd` through both.
        """
        kernel = weight.detach() if gradient == "paper" else weight
        signs = hard_sign(weight.detach()) if gradient == "direct" else approx_sign(weight)
        return (kernel - self.c * signs).square().sum()

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """C at the minimum of the kernel loss: the mean of |W| over all that C is shared by."""
        shared = [axis for axis in range(4) if self.c.shape[axis] == 1]
        self.c.copy_(weight.abs().mean(dim=shared, keepdim=True))
        self.project()

    @torch.no_grad()
    def project(self) -> None:
        """Keeps C, hence C*, positive: a negative scale would flip every comparison behind it."""
        self.c.clamp_(min=SMALLEST_SCALE)


class XNOR(WeightBinarizer):
    """XNOR-Net: alpha_i sign(W_i), alpha_i = mean |W_i| a filter, straight-through gradient.

    As its released code: W is centred over input channels before its sign is taken, and there is
    no spatial map K (it would not fold into a threshold).
    """

    def forward(self, weight: Tensor) -> BinaryWeight:
        centred = weight - weight.mean(dim=1, keepdim=True)
        alpha = centred.abs().mean(dim=(1, 2, 3), keepdim=True)
        return BinaryWeight(clipped_sign(centred), alpha.clamp(min=SMALLEST_SCALE))
