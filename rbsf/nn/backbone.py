"""SiamFC's AlexNetV1, once with real numbers and once 1 bit wide.

Both give the maps of all their layers besides the feature. The map of layer l is what it computes
after batch norm and pooling, before ReLU or sign. Teacher and student are compared there; these are
the R^l and T^l of the RBCN paper. Max-pooling and ReLU commute, so pooling before ReLU changes no
value.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize import (
    ActivationBinarizerName,
    CShape,
    WeightBinarizerName,
    activation_binarizer,
    weight_binarizer,
)
from rbsf.nn.binary_conv import BinaryConv2d

STRIDE = 8
"""The distance between neighbouring feature cells, in pixels of the crop."""

FEATURE_CHANNELS = 256


class LayerShape(NamedTuple):
    """One convolution of a backbone; `pool` says whether a 3x3 max-pool of stride 2 follows it."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int
    groups: int
    pool: bool


LAYERS = (
    LayerShape("conv1", 3, 96, 11, 2, 1, True),
    LayerShape("conv2", 96, 256, 5, 1, 2, True),
    LayerShape("conv3", 256, 384, 3, 1, 1, False),
    LayerShape("conv4", 384, 384, 3, 1, 2, False),
    LayerShape("conv5", 384, FEATURE_CHANNELS, 3, 1, 2, False),
)

SLIM_LAYERS = (
    LayerShape("conv1", 3, 64, 7, 4, 1, False),
    LayerShape("conv2", 64, 128, 3, 1, 2, True),
    LayerShape("conv3", 128, 192, 3, 1, 1, False),
    LayerShape("conv4", 192, 192, 3, 1, 2, False),
    LayerShape("conv5", 192, 192, 3, 1, 2, False),
    LayerShape("conv6", 192, FEATURE_CHANNELS, 3, 1, 2, False),
)
"""A slim backbone of AlexNetV1's geometry: its stride is 8, 127 pixels give 6 cells, 255 give 22,
and a cell sees 87 pixels. It has a quarter of AlexNetV1's multiplications: 663 million instead of
2,720 million for a search crop, of which conv1 has 37 instead of 527. In training, a bit costs as
much as a float, so a network of a quarter sees four times as many pairs in the same hours."""

WIDE_LAYERS = (
    LayerShape("conv1", 3, 64, 7, 4, 1, False),
    LayerShape("conv2", 64, 128, 3, 1, 2, True),
    LayerShape("conv3", 128, 256, 3, 1, 1, False),
    LayerShape("conv4", 256, 256, 3, 1, 2, False),
    LayerShape("conv5", 256, 256, 3, 1, 2, False),
    LayerShape("conv6", 256, FEATURE_CHANNELS, 3, 1, 2, False),
)
"""The slim backbone with a third more channels behind the pool: 918 million multiplications."""


def _real_conv(layer: LayerShape) -> nn.Conv2d:
    conv = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, groups=layer.groups)
    nn.init.xavier_uniform_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-6, momentum=0.05)


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, kernel_size=3, stride=2)


class Backbone(nn.Module):
    """The base of all backbones: embeds pixels as a feature.

    Shapes:
        Input: (N, 3, S, S), RGB, 0 to 255. Output: (N, 256, s, s), where S = 127 gives s = 6, S =
        239 gives 20 and S = 255 gives 22.
    """

    def maps(self, x: Tensor) -> list[Tensor]:
        """Gives the maps of conv1 to conv5 before their activations; the last is the feature."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[-1]


class AlexNetV1(Backbone):
    """The full-precision backbone.

    It has 2,336,320 parameters, which are named as in siamfc-pytorch's `siamfc_alexnet_e50.pth`.
    """

    def __init__(self) -> None:
        super().__init__()
        for layer in LAYERS[:-1]:
            setattr(self, layer.name, nn.Sequential(_real_conv(layer), _norm(layer.outputs)))
        self.conv5 = nn.Sequential(_real_conv(LAYERS[-1]))

    def maps(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for layer in LAYERS:
            x = getattr(self, layer.name)(F.relu(maps[-1]) if maps else x)
            maps.append(_pool(x) if layer.pool else x)
        return maps


class BinaryAlexNetV1(Backbone):
    """RB-SF's backbone: binary weights and binary inputs in every layer but the first.

    conv1 is real, and so is the output of the last layer. Every other layer is a convolution, a
    pool where `layers` has one, and a batch norm; the next layer takes the sign of the result.
    There is no ReLU, because the sign of its output would be constant.

    The pool comes before the batch norm. With the same statistics and gamma > 0, both orders give
    the same bits. But this order keeps the bits balanced, because the norm centres the values whose
    sign is taken; a maximum of nine values that were centred before is nearly always positive.

    Args:
        weights: The weight binarizer's name, see `rbsf.binarize.weight_binarizer`.
        activations: The activation binarizer's name, see `rbsf.binarize.activation_binarizer`.
        c_shape: The shape of RBCN's C, see `rbsf.binarize.RBCN`.
        layers: The convolutions. The default is AlexNetV1's.
    """

    def __init__(
        self,
        weights: WeightBinarizerName = "rbcn",
        activations: ActivationBinarizerName = "approx",
        c_shape: CShape = "kernel",
        layers: tuple[LayerShape, ...] = LAYERS,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.conv1: nn.Module = _real_conv(layers[0])
        for layer in layers[1:]:
            conv = BinaryConv2d(
                layer.inputs,
                layer.outputs,
                layer.kernel,
                groups=layer.groups,
                weight_binarizer=partial(weight_binarizer, weights, c_shape=c_shape),
                activation_binarizer=activation_binarizer(activations, layer.inputs),
            )
            setattr(self, layer.name, conv)
        self.norms = nn.ModuleDict({layer.name: _norm(layer.outputs) for layer in layers[:-1]})

    def maps(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for layer in self.layers:
            x = getattr(self, layer.name)(maps[-1]) if maps else self._first(x)
            x = _pool(x) if layer.pool else x
            maps.append(self.norms[layer.name](x) if layer.name in self.norms else x)
        return maps

    def _first(self, x: Tensor) -> Tensor:
        """Computes conv1 in float32, under autocast too.

        Rounded to bfloat16 it would change signs of its own layer, and through them more in every
        later one. Those layers need no such care: a sum of signs is an even integer, which bfloat16
        holds exactly up to 512, and the scale after it makes it float32 again.
        """
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = self.conv1(x.float())
        return out

    def binary_layers(self) -> dict[str, BinaryConv2d]:
        """The binary convolutions by name, from the first to the last."""
        return {layer.name: getattr(self, layer.name) for layer in self.layers[1:]}

    def take_weights(self, teacher: AlexNetV1) -> None:
        """Copies the teacher's kernels and biases, as Bi-Real Net does, but not its batch norms."""
        self.conv1.load_state_dict(teacher.get_submodule("conv1.0").state_dict())
        for name, conv in self.binary_layers().items():
            conv.set_weight(teacher.get_parameter(f"{name}.0.weight"))
            assert conv.bias is not None
            conv.bias.data.copy_(teacher.get_parameter(f"{name}.0.bias"))
