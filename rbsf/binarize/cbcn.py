"""CBCN, whose filters are four rotations of each that it learns."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.binarize.planes import Planes
from rbsf.binarize.sign import clipped_sign
from rbsf.binarize.weights import BinaryWeight, mean_magnitude


class CBCN(Planes):
    """Circulant filters: each latent filter turned by 0, 90, 180 and 270 degrees, and its signs.

        forward     C_ij = the latent filter L_i, turned by j quarters    (CBCN)
                    What_ij = sign(C_ij),  scale alpha_i = mean |L_i|, a constant
        gradient    dWhat/dC = 1 if |C| <= 1, else 0
                    dL/dL_i = the sum over j of dL/dC_ij, turned back     (CBCN)

    A layer of Cout channels keeps a quarter of the bits, and multiplies as often as any other. The
    paper's figures are for four times as many channels instead. It packs; the packed file holds all
    four rotations.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    Raises:
        InputError: Cout is not a multiple of 4.

    References:
        [CBCN](https://arxiv.org/abs/1910.10853), Liu et al., CVPR 2019.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape, planes=4)

    def kernel(self, weight: Tensor) -> Tensor:
        turned = [torch.rot90(weight, quarters, (2, 3)) for quarters in range(self.planes)]
        return torch.stack(turned, dim=1).flatten(0, 1)

    def forward(self, weight: Tensor) -> BinaryWeight:
        scale = mean_magnitude(weight.detach()).repeat_interleave(self.planes, dim=0)
        return BinaryWeight(clipped_sign(self.kernel(weight)), scale)
