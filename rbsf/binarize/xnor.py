"""The family of XNOR-Net: signs that are scaled by mean magnitudes, or by learned numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize.sign import clipped_sign
from rbsf.binarize.weights import SMALLEST_SCALE, BinaryWeight, WeightBinarizer, mean_magnitude


class XNOR(WeightBinarizer):
    """XNOR-Net's weights: the sign of the centred W, scaled by the mean magnitude of each filter.

        forward     V = W - mean of W over input channels, clamped to [-1, 1]
                    What_i = sign(V_i),  scale alpha_i = mean |V_i|    (XNOR-Net eq. 6)
        gradient    dWhat/dV = 1 if |V| <= 1, else 0;  alpha_i is differentiated as it stands

    The centring and the clamp follow the released code, which stores V in the place of W before
    every forward pass; `project` does so after every step. Like that code, we leave out the spatial
    map K of the paper, which would not fold into a threshold. Unlike it, we do not multiply the
    gradient by the size of a filter, (1 - 1/Cin) n, which Adam cancels.

    References:
        [XNOR-Net](https://arxiv.org/abs/1603.05279), Rastegari et al., ECCV 2016, and the functions
        meancenterConvParams and clampConvParams of its code.
    """

    def forward(self, weight: Tensor) -> BinaryWeight:
        centred = _centred_and_clamped(weight)
        return BinaryWeight(clipped_sign(centred), mean_magnitude(centred))

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Centres and clamps W itself, so that no weight drifts far beyond the clamp."""
        weight.copy_(_centred_and_clamped(weight))


class XNORWithMap(XNOR):
    """XNOR-Net as its paper has it, with the map K of the input's magnitudes.

        forward     F_out = (K conv(sign(F_in), What)) alpha,
                    K = the mean of |F_in| over each window of the kernel    (XNOR-Net eq. 11)
        gradient    that of `XNOR`; K is differentiated as it stands

    With groups there is one K for each, over the channels that its filters see. K differs from
    place to place and needs the real input, so no threshold replaces it, and the method does not
    pack.

    References:
        [XNOR-Net](https://arxiv.org/abs/1603.05279), section 3.2. Its released code leaves K out.
    """

    obstacle = "its map K needs the real input at every place"

    def after(self, sums: Tensor, x: Tensor, stride: int, padding: int, groups: int) -> Tensor:
        filters, terms = self.shape[0], self.shape[1:].numel()
        box = x.new_full((groups, *self.shape[1:]), 1 / terms)
        k = F.conv2d(x.abs(), box, stride=stride, padding=padding, groups=groups)
        return sums * k.repeat_interleave(filters // groups, dim=1)


class XNORPlusPlus(WeightBinarizer):
    """XNOR-Net++'s weights: the sign of W, with a scale that is learned for each filter.

        forward     What = sign(W),  scale Gamma_i, learned            (XNOR-Net++, case 1)
        gradient    dWhat/dW = 1 if |W| <= 1, else 0;  Gamma learns by the task loss alone

    The paper's other cases also learn a scale for each row and column of the output. They tie a
    network to one size of its input, and a Siamese network has two, so only the first is here.
    Gamma starts at the mean magnitude of each filter, which is the scale that XNOR-Net computes.

    References:
        [XNOR-Net++](https://arxiv.org/abs/1909.13863), Bulat and Tzimiropoulos, BMVC 2019.
    """

    def __init__(self, shape: torch.Size) -> None:
        super().__init__(shape)
        self.gamma = nn.Parameter(torch.ones(shape[0], 1, 1, 1))

    def forward(self, weight: Tensor) -> BinaryWeight:
        return BinaryWeight(clipped_sign(weight), self.gamma)

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Sets Gamma to the mean of |W| of each filter."""
        self.gamma.copy_(mean_magnitude(weight))

    @torch.no_grad()
    def project(self, weight: Tensor) -> None:
        """Keeps Gamma positive. A negative scale would flip every later comparison."""
        self.gamma.clamp_(min=SMALLEST_SCALE)


def _centred_and_clamped(weight: Tensor) -> Tensor:
    return (weight - weight.mean(dim=1, keepdim=True)).clamp(-1, 1)
