"""Weight binarizers: modules that turn a real kernel into its signs and a scale.

A binarizer is built from the kernel's shape, and what it learns (RBCN's C) is part of the network's
state. Nearly every binarizer gives `signs` whose values are exactly +1 and -1, so the convolution
of a binary map with them is an exact integer in float32. It also gives a positive `scale`, by which
that integer is multiplied afterwards. The packed engine folds the scale into one threshold. The few
methods of which this is not true say so in `WeightBinarizer.obstacle`.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from rbsf.binarize.sign import approx_sign, clipped_sign, hard_sign

CShape = Literal["kernel", "layer", "channel"]
KernelLossGrad = Literal["direct", "autograd", "paper"]

SMALLEST_SCALE = 1e-6


def mean_magnitude(weight: Tensor) -> Tensor:
    """The mean of |W| over each filter: the scale at which its signs come nearest to it.

    Args:
        weight: A kernel (Cout, Cin / groups, k, k).

    Returns:
        A tensor (Cout, 1, 1, 1), differentiable, and above 0 for a filter of zeros too.
    """
    return weight.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=SMALLEST_SCALE)


class BinaryWeight(NamedTuple):
    """A binarized kernel; the kernel that it stands for is `scale * signs`."""

    signs: Tensor
    """The shape is (Cout, Cin / groups, k, k), the values are +1 and -1, but for the methods that
    have an obstacle: the kernels of ABC-Net, MCN and DBF are real."""
    scale: Tensor
    """A positive scalar, or one for each filter: (Cout, 1, 1, 1)."""


class Cost(NamedTuple):
    """What one layer keeps and computes at inference, besides its scale."""

    bits: int
    """The parameters of 1 bit."""
    reals: int
    """The parameters of 32 bits."""
    passes: int
    """The binary convolutions that the layer takes; 0 if its kernel is real."""


class WeightBinarizer(nn.Module):
    """The base of all weight binarizers: maps a latent kernel W to a `BinaryWeight`.

    A subclass defines `forward`. The other methods have defaults that suit a binarizer which learns
    nothing of its own, and whose latent W has the shape of the kernel.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
    """

    obstacle: ClassVar[str] = ""
    """Why the packed engine cannot run the method. It is empty for a method that packs."""

    def __init__(self, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape

    @property
    def latent_shape(self) -> torch.Size:
        """The shape of the latent W. It has fewer elements where filters share what they learn."""
        return self.shape

    @property
    def cost(self) -> Cost:
        """What a layer keeps and computes at inference."""
        return Cost(self.latent_shape.numel(), 0, 1)

    def kernel(self, weight: Tensor) -> Tensor:
        """The real kernel that a latent W stands for."""
        return weight

    def latent(self, kernel: Tensor) -> Tensor:
        """The latent W that stands for a real kernel, or comes near to it."""
        return kernel

    def fit(self, weight: Tensor) -> None:
        """Sets what is learned to its best value for this kernel; called when W is initialised."""

    def project(self, weight: Tensor) -> None:
        """Moves what is learned, and W itself, back into its valid range; called after each step.

        Args:
            weight: The latent kernel W, which may be changed in place.
        """

    def set_progress(self, share: float) -> None:
        """Says how much of the training is over, from 0 to 1; called at the start of each epoch."""

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """The squared distance of W from its approximation; 0 for methods without such a loss."""
        return weight.new_zeros(())

    def after(self, sums: Tensor, x: Tensor, stride: int, padding: int, groups: int) -> Tensor:
        """Changes what the convolution gives, before the scale; the default changes nothing.

        Args:
            sums: The convolution of binary input and kernel, (N, Cout, H', W').
            x: The real input, (N, Cin, H, W).
            stride: The convolution's stride.
            padding: The convolution's padding on each side.
            groups: The convolution's groups.
        """
        return sums


class RBCN(WeightBinarizer):
    """Rectified binary weights: the sign of W, rectified by a learned C.

        forward     What = sign(W)                                      (RBCN eq. 5)
                    F_out = C* conv(F_in, What),  C* = mean(C)          (RBCN eq. 6)
        gradient    dWhat/dW = max(0, 2 - 2 |W|)                        (RBCN eq. 8)
                    dL/dC[a, b] = sum over i, c of
                                  dL/d(What C)[i, c, a, b] What[i, c, a, b]

    The forward pass uses only the mean C*, so a single scalar is left at inference. The backward
    pass uses the elements of C. To get both, What is multiplied element by element with a rectifier

        r = 1 + (C - stop(C)) / C*,      F_out = C* conv(F_in, What (.) r)

    Its value is exactly 1, so the convolution still gives an integer, and its gradient is that of
    eq. 6 above.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        c_shape: The shape of C. "kernel" is one k x k matrix for the layer, (1, 1, k, k), which is
            how we read eq. 15. "layer" is one scalar for the layer, (1, 1, 1, 1). "channel" is one
            scalar for each filter, (Cout, 1, 1, 1); then C* is C itself.

    References:
        [RBCN](https://arxiv.org/abs/1908.07748), Liu et al., IJCAI 2019.
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
        """C*, what is left of C at inference: a scalar, or one for each filter. No gradient."""
        c = self.c.detach()
        return c if self.per_filter else c.mean()

    def forward(self, weight: Tensor) -> BinaryWeight:
        c_star = self.c_star
        rectifier = 1 + (self.c - self.c.detach()) / c_star
        return BinaryWeight(approx_sign(weight) * rectifier, c_star)

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """The kernel loss ||W - C What||^2 of eq. 4, summed over filters, without lambda1 / 2.

        It uses C itself, not its mean C* (eq. 15).

        Args:
            weight: The latent kernel W.
            gradient: The path by which the loss reaches W. "direct" goes through W only: the
                gradient is 2 (W - C What), which pulls |W| towards C. "paper" goes through What
                only, as eq. 9 to 11 are printed; with it the loss grows. "autograd" goes through
                both.

        Returns:
            A scalar.
        """
        kernel = weight.detach() if gradient == "paper" else weight
        signs = hard_sign(weight.detach()) if gradient == "direct" else approx_sign(weight)
        return (kernel - self.c * signs).square().sum()

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Sets C to the minimum of the kernel loss.

        Each element becomes the mean of |W| over the weights that share it.
        """
        shared = [axis for axis in range(4) if self.c.shape[axis] == 1]
        self.c.copy_(weight.abs().mean(dim=shared, keepdim=True))
        self.project(weight)

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Keeps C positive, and so C*. A negative scale would flip every later comparison."""
        self.c.clamp_(min=SMALLEST_SCALE)


class BiReal(WeightBinarizer):
    """Bi-Real Net's weights: the sign of W, scaled by the mean magnitude of each filter.

        forward     What_i = sign(W_i),  scale alpha_i = mean |W_i|    (Bi-Real Net, section 3.3)
        gradient    dWhat/dW = 1 if |W| <= 1, else 0;  alpha_i is a constant

    alpha_i multiplies the gradient too, which makes it "magnitude-aware". It is the Bi of Table 2
    in the RBCN paper: what RBCN is without C and without the kernel loss.

    References:
        [Bi-Real Net](https://arxiv.org/abs/1808.00278), Liu et al., ECCV 2018.
    """

    def forward(self, weight: Tensor) -> BinaryWeight:
        return BinaryWeight(clipped_sign(weight), mean_magnitude(weight.detach()))
