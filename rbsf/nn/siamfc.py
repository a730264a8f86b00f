"""SiamFC: one backbone embeds exemplar and search, and their cross-correlation is the response."""

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


class Output(NamedTuple):
    """A training step's forward pass: responses (N, r, r), both branches' maps of every layer."""

    responses: Tensor
    exemplar_maps: list[Tensor]
    search_maps: list[Tensor]


def correlate(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Cross-correlation of feature pairs: (N, C, a, a), (N, C, b, b) -> (N, b-a+1, b-a+1)."""
    n = len(exemplars)
    rows = searches.reshape(1, -1, *searches.shape[-2:])
    return F.conv2d(rows, exemplars, groups=n)[0]


class SiamFC(nn.Module):
    """embed() twice, correlate, scale: response = gain * correlation + bias, a logit.

    Args:
        backbone: the embedding.
        learn_response: learn gain and bias (the MATLAB SiamFC's `adjust` layer). The fixed gain
            0.001 suits the float network's magnitudes only. They do not move the peak; they
            decide the loss and what the response says of confidence. The gain is learned as its
            logarithm, so that it stays positive and a step changes it by a ratio.
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
        """The positive factor of the correlation, a scalar tensor."""
        return self.log_gain.exp()

    def embed(self, pixels: Tensor) -> Tensor:
        """RGB pixels (N, 3, S, S), 0..255 -> features (N, 256, s, s)."""
        feature: Tensor = self.backbone(pixels)
        return feature

    def respond(self, exemplars: Tensor, searches: Tensor) -> Tensor:
        """Features -> responses (N, r, r), logits, in float32."""
        return self.gain * correlate(exemplars.float(), searches.float()) + self.bias

    def forward(self, exemplars: Tensor, searches: Tensor) -> Output:
        """Pixel pairs (N, 3, 127, 127), (N, 3, 239 or 255, ...) -> Output."""
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
    """A binary SiamFC with random weights: RB-SF by default, XNOR-SF with `xnor`, `clipped`."""
    return SiamFC(BinaryAlexNetV1(weights, activations, c_shape), learn_response=True)
