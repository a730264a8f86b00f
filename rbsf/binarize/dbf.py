"""DBF, whose filters are weighted sums of fixed binary codes."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.weights import BinaryWeight, Cost, WeightBinarizer


class DBF(WeightBinarizer):
    """Deterministic binary filters: sums of orthogonal codes that nobody has to store.

        forward     W_i = the sum over j of c_ij b_j,  b_j the codes of length n = Cin k k
        gradient    that of the sum; the codes are fixed, and c is what is learned

    The codes are the rows of a Hadamard matrix, the OVSF codes, cut to length n where n is no power
    of two. There are a share of n of them. The network keeps that share of its parameters, all
    real, and its filters are real sums. So it does not pack.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        share: The codes that are used, as a share of n.

    References:
        [Deterministic Binary Filters](https://doi.org/10.24963/ijcai.2018/380), Tseng et al., IJCAI
        2018.
    """

    obstacle = "its filters are real at inference, sums of binary codes"

    codes: Tensor

    def __init__(self, shape: torch.Size, share: float = 0.25) -> None:
        super().__init__(shape)
        length = shape[1:].numel()
        count = max(1, round(share * length))
        self.register_buffer("codes", _hadamard(length)[:count, :length], persistent=False)

    @property
    def latent_shape(self) -> torch.Size:
        return torch.Size((self.shape[0], len(self.codes), 1, 1))

    @property
    def cost(self) -> Cost:
        return Cost(0, self.latent_shape.numel(), 0)

    def kernel(self, weight: Tensor) -> Tensor:
        return (weight.flatten(1) @ self.codes).reshape(self.shape)

    def latent(self, kernel: Tensor) -> Tensor:
        """The coefficients whose sum is nearest to the kernel."""
        gram = self.codes @ self.codes.T
        found = torch.linalg.solve(gram, self.codes @ kernel.flatten(1).T)
        return found.T.reshape(self.latent_shape)

    def forward(self, weight: Tensor) -> BinaryWeight:
        return BinaryWeight(self.kernel(weight), weight.new_ones(()))


def _hadamard(length: int) -> Tensor:
    """Sylvester's matrix of +1 and -1, whose side is the first power of two from `length` on."""
    matrix = torch.ones(1, 1)
    while len(matrix) < length:
        matrix = torch.kron(torch.tensor([[1.0, 1.0], [1.0, -1.0]]), matrix)
    return matrix
