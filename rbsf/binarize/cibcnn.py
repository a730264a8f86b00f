"""CI-BCNN, whose sums of bits are corrected by those of other channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.binarize.binarynet import BinaryNet
from rbsf.binarize.sign import hard_sign
from rbsf.binarize.weights import BinaryWeight

THRESHOLD, STEP = 2.0, 1.0
"""Where an influence sets in, and how large it is, in standard deviations sqrt(n) of a sum of n
random bits. The released code has 200 and 100, whatever n is."""

PLACES = 1024
"""The places of a batch that a graph is mined from."""


class CIBCNN(BinaryNet):
    """Interacted bitcount: to each channel's sum, a step function of another channel's is added.

        forward     S_y + state_y f(S_x),  x = parent_y,  state_y = -1, 0 or +1    (CI-BCNN)
                    f(S) = step ([S >= t] - [S <= -t])
        gradient    that of S_y; none reaches S_x

    The graph of parents and states is mined at the start of each epoch, from the first batch: each
    channel takes the parent and the state with which most of its signs are those of the real
    convolution, or none if none helps. The paper finds it by reinforcement learning, with such a
    reward; one parent a channel can be tried exhaustively. All f read the sums as they were.

    The sums of a channel then depend on another's, so no threshold replaces them, and it does not
    pack.

    Args:
        shape: The kernel's shape, (Cout, Cin / groups, k, k).

    References:
        [CI-BCNN](https://openaccess.thecvf.com/content_CVPR_2019/html/Wang_Learning_Channel-Wise_Interactions_for_Binary_Convolutional_Neural_Networks_CVPR_2019_paper.html),
        Wang et al., CVPR 2019.
    """

    obstacle = "its channels correct each other's sums"

    parent: Tensor
    state: Tensor
    mined: Tensor

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.register_buffer("parent", torch.zeros(shape[0], dtype=torch.long))
        self.register_buffer("state", torch.zeros(shape[0]))
        self.register_buffer("mined", torch.tensor(-1.0))
        self.share = 0.0

    def set_progress(self, share: float) -> None:
        self.share = share

    def forward(self, weight: Tensor) -> BinaryWeight:
        self.real = weight.detach()
        return super().forward(weight)

    def after(self, sums: Tensor, x: Tensor, stride: int, padding: int, groups: int) -> Tensor:
        if self.training and float(self.mined) < self.share:
            real = F.conv2d(x.detach(), self.real, None, stride, padding, 1, groups)
            self.mine(sums.detach(), real)
            self.mined.fill_(self.share)
        state = self.state.to(sums.dtype).reshape(-1, 1, 1)
        return sums + state * self.influence(sums)[:, self.parent]

    def influence(self, sums: Tensor) -> Tensor:
        """f of the sums, in their shape; a step function, so it passes no gradient on."""
        deviation = math.sqrt(self.shape[1:].numel())
        size = THRESHOLD * deviation
        return STEP * deviation * ((sums >= size).to(sums.dtype) - (sums <= -size).to(sums.dtype))

    def mine(self, sums: Tensor, real: Tensor) -> None:
        """Finds the graph that restores most signs.

        Args:
            sums: The binary convolution, (N, C, H, W).
            real: The real one, (N, C, H, W).
        """
        flat = sums.float().transpose(0, 1).flatten(1)[:, :PLACES]
        wanted = hard_sign(real.float()).transpose(0, 1).flatten(1)[:, :PLACES]
        influence = self.influence(flat)
        for y, (own, signs) in enumerate(zip(flat, wanted, strict=True)):
            gains = [(hard_sign(own + s * influence) == signs).sum(dim=1) for s in (1, -1)]
            before = (hard_sign(own) == signs).sum()
            best, at = torch.stack(gains).flatten().max(dim=0)
            helps = bool(best > before)
            self.parent[y] = at % len(flat) if helps else 0
            self.state[y] = (1.0 if at < len(flat) else -1.0) if helps else 0.0
