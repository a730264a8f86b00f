"""MCN, whose binary filters are modulated by a few real matrices."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbsf.binarize.planes import Planes
from rbsf.binarize.sign import clipped_sign, hard_sign
from rbsf.binarize.weights import BinaryWeight, Cost, KernelLossGrad


class MCN(Planes):
    """Modulated filters: the signs of C_i, multiplied element by element with each of K matrices.

        forward     Q_ij = sign(C_i) (.) M_j,  M_j is k x k and learned    (MCN)
        gradient    dsign(C)/dC = 1 if |C| <= 1, else 0;  M by the product rule

    The filters are real at inference: they are put together again from a bit for each weight and
    the K matrices of the layer. So it saves memory and no multiplication, and does not pack. The
    paper's center loss is a loss of classifiers and is left out.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        matrices: The number K of matrices, see `Planes`.

    Raises:
        InputError: Cout is not a multiple of K.

    References:
        [MCN](https://openaccess.thecvf.com/content_cvpr_2018/html/Wang_Modulated_Convolutional_Networks_CVPR_2018_paper.html),
        Wang et al., CVPR 2018.
    """

    obstacle = "its filters are real at inference, products of signs and learned matrices"

    def __init__(self, shape: torch.Size, matrices: int = 4) -> None:
        super().__init__(shape, matrices)
        self.m = nn.Parameter(torch.ones(matrices, 1, *shape[2:]))

    @property
    def cost(self) -> Cost:
        return Cost(self.latent_shape.numel(), self.m.numel(), 0)

    def forward(self, weight: Tensor) -> BinaryWeight:
        modulated = self.kernel(clipped_sign(weight)) * self._matrices(weight)
        return BinaryWeight(modulated, weight.new_ones(()))

    def _matrices(self, weight: Tensor) -> Tensor:
        """The matrix of every filter, (Cout, 1, k, k)."""
        return self.m.repeat(len(weight), 1, 1, 1)

    def kernel_loss(self, weight: Tensor, gradient: KernelLossGrad) -> Tensor:
        """The filter loss sum ||C_i - sign(C_i) (.) M_j||^2 of MCN, without theta / 2.

        sign(C) is a constant for it, whatever `gradient` says.
        """
        signs = hard_sign(weight.detach())
        return (self.kernel(weight) - self.kernel(signs) * self._matrices(weight)).square().sum()

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Sets every M_j to the minimum of the filter loss, the mean of |C| at each place."""
        self.m.copy_(weight.abs().mean(dim=(0, 1)).expand_as(self.m))
