"""SiamFC's AlexNetV1, real and 1 bit wide.

Both give, beside their feature, the *maps* of their layers: what layer l computes after batch norm
and pooling and before ReLU or sign. That is where teacher and student are compared (R^l and T^l
of the paper). Max-pooling and ReLU commute, so pooling before ReLU changes no value.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

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
"""Pixels a feature cell."""

FEATURE_CHANNELS = 256


class LayerShape(NamedTuple):
    """One convolution of AlexNetV1; `pool` says that a 3x3 stride 2 max-pool follows it."""

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
"""A backbone of AlexNetV1's geometry (stride 8, 127 -> 6, 255 -> 22, a cell sees 87 pixels) with a
quarter of its multiplications: 663 instead of 2,720 million for a search crop, of which conv1 has
37 instead of 527. A step of training costs the same for bits as for floats, so a network of a
quarter sees four times as many pairs in the same hours."""


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
    """Base: RGB pixels (N, 3, S, S), 0..255 -> feature (N, 256, s, s); S 127 -> s 6, 255 -> 22."""

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps of conv1..conv5, each before its activation; the last one is the feature."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[-1]


class AlexNetV1(Backbone):
    """The full-precision backbone, 2,336,320 parameters, named as in `siamfc_alexnet_e50.pth`."""

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
    """RB-SF's backbone: conv1 real, the others binary in weights and input, the last output real.

    Every layer but the last is conv -> pool -> batch norm, and the sign of it is the next layer's
    input; there is no ReLU, whose sign would be a constant. Pooling before batch norm gives the
    bits of the other order wherever gamma > 0 and keeps them balanced: the batch norm centres
    what the sign sees, where a maximum over nine centred values would nearly always be positive.
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
                activation_binarizer=activation_binarizer(activations),
            )
            setattr(self, layer.name, conv)
        self.norms = nn.ModuleDict({layer.name: _norm(layer.outputs) for layer in layers[:-1]})

    def maps(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for layer in self.layers:
            x = getattr(self, layer.name)(maps[-1] if maps else x)
            x = _pool(x) if layer.pool else x
            maps.append(self.norms[layer.name](x) if layer.name in self.norms else x)
        return maps

    def binary_layers(self) -> dict[str, BinaryConv2d]:
        """The binary convolutions by name, in order."""
        return {layer.name: getattr(self, layer.name) for layer in self.layers[1:]}

    def take_weights(self, teacher: AlexNetV1) -> None:
        """Starts from the teacher's kernels and biases (Bi-Real Net's practice); norms stay."""
        self.conv1.load_state_dict(teacher.get_submodule("conv1.0").state_dict())
        for name, conv in self.binary_layers().items():
            conv.set_weight(teacher.get_parameter(f"{name}.0.weight"))
            assert conv.bias is not None
            conv.bias.data.copy_(teacher.get_parameter(f"{name}.0.bias"))
