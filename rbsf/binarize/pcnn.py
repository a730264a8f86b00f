"""PCNN, whose binary filters are projections of what it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbsf.binarize.planes import Planes
from rbsf.binarize.sign import clipped_sign, hard_sign, with_gradient_of
from rbsf.binarize.weights import SMALLEST_SCALE, BinaryWeight, KernelLossGrad


class PCNN(Planes):
    """Projections of a latent filter C_i by learned matrices W_j: discrete backpropagation (DBPP).

        forward     Chat_ij = P(W_j (.) C_i),  P(u) = a sign(u),  a = mean |C|
        gradient    dChat/du = 1 if |u| <= 1, else 0    (PCNN; book eq. 3.51, 3.55)

    W_j is one k x k matrix for a layer. With one projection, the forward pass uses its mean, which
    changes no sign, and the backward pass its elements, as the paper says. With more, the mean
    would make all projections of a filter equal. So each keeps its matrix in the forward pass too,
    and all but the first start as random patterns of +1 and -1.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        projections: The number J of projections of each latent filter, see `Planes`. It packs with
            any.

    Raises:
        InputError: Cout is not a multiple of J.

    References:
        [PCNN](https://arxiv.org/abs/1811.12755), Gu et al., AAAI 2019.
    """

    def __init__(self, shape: torch.Size, projections: int = 1) -> None:
        super().__init__(shape, projections)
        matrices = hard_sign(torch.randn(projections, 1, *shape[2:]))
        matrices[0] = 1
        self.w = nn.Parameter(matrices)

    def forward(self, weight: Tensor) -> BinaryWeight:
        u = self._projected(weight)
        forward = u if self.planes > 1 else self.w.mean() * weight
        a = weight.detach().abs().mean().clamp(min=SMALLEST_SCALE)
        return BinaryWeight(with_gradient_of(hard_sign(forward), clipped_sign(u) / a), a)

    def _projected(self, weight: Tensor) -> Tensor:
        """The products W_j (.) C_i of all filters, (Cout, Cin / groups, k, k)."""
        return self.kernel(weight) * self.w.repeat(len(weight), 1, 1, 1)

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """The projection loss sum ||Chat_ij - W_j (.) C_i||^2 of PCNN, without lambda / 2.

        Chat is a constant for it, whatever `gradient` says (book eq. 3.52 and 3.56). The paper adds
        a step of the optimiser to C_i inside the norm; we leave it out.
        """
        u = self._projected(weight)
        a = weight.detach().abs().mean()
        return (u - a * hard_sign(u.detach())).square().sum()

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Keeps the mean of a single W_1 positive, so that it changes no sign."""
        if self.planes == 1:
            self.w.add_((SMALLEST_SCALE - self.w.mean()).clamp(min=0))
