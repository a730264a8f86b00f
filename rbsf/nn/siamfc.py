"""SiamFC: one backbone embeds exemplar and search; their cross-correlation is the response.

The network is that of [SiamFC](https://arxiv.org/abs/1606.09549), Bertinetto et al., 2016.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize import ActivationBinarizerName, CShape, WeightBinarizerName
from rbsf.nn.backbone import AlexNetV1, Backbone, BinaryAlexNetV1

EXEMPLAR_SIZE = 127
SEARCH_SIZE = 255
REFERENCE_GAIN = 0.001
"""The fixed gain of siamfc-pytorch."""


class Output(NamedTuple):
    """What the forward pass of a training step gives."""

    responses: Tensor
    """The responses, (N, r, r), as logits."""
    exemplar_maps: list[Tensor]
    """The exemplars' maps of every layer, (N, C_l, h, w) each."""
    search_maps: list[Tensor]
    """The searches' maps of every layer."""


def correlate(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Cross-correlates the two features of each pair.

    Args:
        exemplars: The exemplars' features, (N, C, a, a).
        searches: The searches' features, (N, C, b, b), with b >= a.

    Returns:
        The correlations, (N, b - a + 1, b - a + 1).
    """
    if searches.is_cuda:
        return correlate_by_products(exemplars, searches)
    n = len(exemplars)
    rows = searches.reshape(1, -1, *searches.shape[-2:])
    return F.conv2d(rows, exemplars, groups=n)[0]


def correlate_by_products(exemplars: Tensor, searches: Tensor) -> Tensor:
    """As `correlate`, in two steps that suit a GPU, where a convolution of many groups is slow.

    First every cell of the exemplar is multiplied with every cell of the search, which is one
    matrix product for each pair. Then cell (i, j) of the exemplar, shifted by (i, j), is added up.
    Shapes are those of `correlate`.
    """
    n, _, a, _ = exemplars.shape
    cells = exemplars.flatten(2).transpose(1, 2)
    products = torch.bmm(cells, searches.flatten(2)).reshape(n, a * a, *searches.shape[-2:])
    shifts = torch.eye(a * a, device=products.device, dtype=products.dtype)
    return F.conv2d(products, shifts.reshape(1, a * a, a, a))[:, 0]


class SiamFC(nn.Module):
    """The Siamese network: it embeds exemplar and search, and correlates the two features.

        response = gain * correlation + bias,  a logit

    Gain and bias do not move the peak of a response. They matter for the loss, and for the
    confidence that is read from the response.

    Args:
        backbone: The network that embeds both. None makes a full-precision `AlexNetV1`.
        learn_response: Whether gain and bias are learned, as in the `adjust` layer of the MATLAB
            SiamFC. The fixed gain of 0.001 suits only the magnitudes of the float network. The
            gain is learned as its logarithm, so it stays positive and a step changes it by a ratio.
    """

    log_gain: Tensor
    bias: Tensor

    def __init__(self, backbone: Backbone | None = None, learn_response: bool = False) -> None:
        super().__init__()
        self.backbone = backbone or AlexNetV1()
        for name, start in (("log_gain", math.log(REFERENCE_GAIN)), ("bias", 0.0)):
            value = torch.tensor(start)
            if learn_response:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value, persistent=False)

    @property
    def gain(self) -> Tensor:
        """The positive factor of the correlation, as a scalar tensor."""
        return self.log_gain.exp()

    def embed(self, pixels: Tensor) -> Tensor:
        """Embeds RGB pixels (N, 3, S, S), 0 to 255, as features (N, 256, s, s)."""
        feature: Tensor = self.backbone(pixels)
        return feature

    def respond(self, exemplars: Tensor, searches: Tensor) -> Tensor:
        """Turns the features of pairs into responses (N, r, r), logits in float32."""
        return self.gain * correlate(exemplars.float(), searches.float()) + self.bias

    def respond_to_all(self, exemplars: Tensor, searches: Tensor) -> Tensor:
        """Turns the features of M searches and N exemplars into all responses (M, N, r, r)."""
        return self.gain * F.conv2d(searches.float(), exemplars.float()) + self.bias

    def forward(self, exemplars: Tensor, searches: Tensor) -> Output:
        """Runs pairs of crops: exemplars (N, 3, 127, 127), and searches of side 239 or 255."""
        z_maps = self.backbone.maps(exemplars)
        x_maps = self.backbone.maps(searches)
        with torch.autocast(exemplars.device.type, enabled=False):
            responses = self.respond(z_maps[-1], x_maps[-1])
        return Output(responses, z_maps, x_maps)


def make_student(
    weights: WeightBinarizerName = "rbcn",
    activations: ActivationBinarizerName = "approx",
    c_shape: CShape = "kernel",
) -> SiamFC:
    """Makes a binary SiamFC with random weights: RB-SF, or XNOR-SF with "xnor" and "clipped".

    Args:
        weights: The weight binarizer's name, see `rbsf.binarize.weight_binarizer`.
        activations: The activation binarizer's name, see `rbsf.binarize.activation_binarizer`.
        c_shape: The shape of RBCN's C, see `rbsf.binarize.RBCN`.
    """
    return SiamFC(BinaryAlexNetV1(weights, activations, c_shape), learn_response=True)
