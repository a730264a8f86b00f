"""Residual networks that classify pictures: ResNet-18, WRN-22 and WRN-40, real and 1 bit wide.

All of them are one stem, stages of blocks of two 3x3 convolutions, and a linear layer on the mean
of the last map. In a binary network the stem, the 1x1 convolutions of the shortcuts and the linear
layer stay real, which gives Table 6 of the RBCN paper. Each of the paper's ambiguities is a setting
of `NetworkSettings`.

The real network in its default form is the ResNet-18 of torchvision, with the same names, so that
its weights can be loaded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize import (
    ActivationBinarizerName,
    CShape,
    WeightBinarizerName,
    activation_binarizer,
    weight_binarizer,
)
from rbsf.config import Settings
from rbsf.nn.binary_conv import BinaryConv2d

Architecture = Literal["resnet18", "wrn22", "wrn40"]
Padding = Literal["zero", "plus", "minus"]

BLOCKS = {"resnet18": (2, 2, 2, 2), "wrn22": (3, 3, 3), "wrn40": (6, 6, 6)}
"""How many blocks each stage has."""
STAGES = {"resnet18": (64, 128, 256, 512), "wrn22": (16, 16, 32, 64), "wrn40": (16, 16, 32, 64)}
"""The kernel stages that the paper's text gives."""
PAD_VALUES: dict[Padding, float] = {"zero": 0.0, "plus": 1.0, "minus": -1.0}

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_SPREAD = (58.395, 57.12, 57.375)
"""The mean and the standard deviation of ImageNet's pixels, which torchvision's weights expect."""


class NetworkSettings(Settings):
    """The architecture of a classifier."""

    architecture: Architecture = Field("resnet18", description="The network.")
    classes: int = Field(10, ge=2, description="How many classes there are.")
    stages: tuple[int, int, int, int] | None = Field(
        None,
        description="The kernel stages, as in 64-64-128-256. For resnet18 they are the channels of "
        "the four stages, and the stem has as many as the first. For a WRN they are those of the "
        "stem and of the three stages. null is 64-128-256-512 for resnet18 and 16-16-32-64 for a "
        "WRN, as the paper's text has it; its tables have other stages.",
    )
    stem: Literal["small", "large"] = Field(
        "small",
        description="The first layer: small is a 3x3 convolution, for pictures of 32 pixels; large "
        "is a 7x7 convolution of stride 2 and a max-pool, for pictures of 224 pixels.",
    )
    shortcut: Literal["conv", "block"] = Field(
        "conv",
        description="What a shortcut leads around: conv is every convolution, as in Bi-Real Net; "
        "block is every two, as in the real ResNet and WRN.",
    )
    order: Literal["conv_first", "norm_first"] = Field(
        "conv_first",
        description="Whether a batch norm stands behind its convolution (ResNet, Bi-Real Net) or "
        "before the activation and the convolution (WRN, XNOR-Net).",
    )
    downsample: Literal["strided", "pooled"] = Field(
        "strided",
        description="How a shortcut changes its size: strided is a 1x1 convolution of stride 2 "
        "(ResNet); pooled is a 2x2 mean and then a 1x1 convolution (Bi-Real Net).",
    )
    padding: Padding = Field(
        "zero",
        description="What a binary map has around it: plus is +1 and minus is -1, one more bit; "
        "zero is a real zero, so that the sums at the border have fewer terms.",
    )

    @field_validator("stages")
    @classmethod
    def _widths_are_positive(
        cls, stages: tuple[int, int, int, int] | None
    ) -> tuple[int, int, int, int] | None:
        if stages and min(stages) < 1:
            raise ValueError("every stage needs at least one channel")
        return stages

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of the stem, and then of each stage."""
        stages = self.stages or STAGES[self.architecture]
        return (stages[0], *stages) if self.architecture == "resnet18" else stages


class Answer(NamedTuple):
    """What a classifier gives for N pictures."""

    logits: Tensor
    """The logits of the classes, (N, K), in float32."""
    maps: list[Tensor]
    """The map of each 3x3 convolution of the stages, (N, C_l, h, w), in the order of `layers`: what
    the next layer's activation sees, behind batch norm and shortcut. Where teacher and student are
    compared, these are the R^l and T^l of the RBCN paper."""


MakeConv = Callable[[int, int, int], nn.Module]
"""Makes a 3x3 convolution from its input channels, its output channels and its stride."""


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut around each, or one around both.

        conv_first    branch(x) = norm(conv(x)),        enter = activate
        norm_first    branch(x) = conv(activate(norm(x))),  enter = identity

        x = enter(input),    first = branch1(x)  [+ shortcut(x)],    y = enter(first)
        second = branch2(y) + y,    or branch2(y) + shortcut(x)

    The activation of a real network is ReLU. A binary convolution takes the sign itself, and there
    is nothing before it, because the sign of a ReLU's output would be constant.

    Args:
        inputs: The channels of the input.
        outputs: The channels of the output.
        stride: The stride of the first convolution and of the shortcut.
        settings: The architecture.
        make_conv: Makes the convolutions.
        activate: The activation.

    Shapes:
        Input: (N, Cin, H, W). Outputs: the maps of both convolutions, (N, Cout, H', W') each.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        settings: NetworkSettings,
        make_conv: MakeConv,
        activate: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.norm_first = settings.order == "norm_first"
        self.around_each = settings.shortcut == "conv"
        self.activate = activate
        self.conv1 = make_conv(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(inputs if self.norm_first else outputs)
        self.conv2 = make_conv(outputs, outputs, 1)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.downsample = (
            nn.Identity() if same else _downsample(inputs, outputs, stride, settings.downsample)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self._enter(x)
        around = self.downsample(x)
        first = self._branch(self.conv1, self.bn1, x)
        first = first + around if self.around_each else first
        y = self._enter(first)
        second = self._branch(self.conv2, self.bn2, y) + (y if self.around_each else around)
        return first, second

    def _enter(self, x: Tensor) -> Tensor:
        return x if self.norm_first else self.activate(x)

    def _branch(self, conv: nn.Module, norm: nn.Module, x: Tensor) -> Tensor:
        out: Tensor = conv(self.activate(norm(x))) if self.norm_first else norm(conv(x))
        return out


class ResidualNet(nn.Module):
    """A residual network that classifies pictures.

    Args:
        settings: The architecture.
        make_conv: Makes the 3x3 convolutions of the stages.
        activate: The activation before them: ReLU, or nothing where they binarize their input.

    Attributes:
        layers: The names of the 3x3 convolutions of the stages, in their order.
        channels: The channels of their maps, by name.

    Shapes:
        Input: (N, 3, S, S), RGB, 0 to 255. Output: an `Answer`.
    """

    pixel_mean: Tensor
    pixel_spread: Tensor

    def __init__(
        self,
        settings: NetworkSettings,
        make_conv: MakeConv,
        activate: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.settings, self.activate = settings, activate
        width, *stages = settings.widths
        for name, values in (("pixel_mean", PIXEL_MEAN), ("pixel_spread", PIXEL_SPREAD)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)
        large = settings.stem == "large"
        self.conv1 = _real_conv(3, width, kernel=7 if large else 3, stride=2 if large else 1)
        if settings.order == "conv_first":
            self.bn1 = nn.BatchNorm2d(width)
        self.channels: dict[str, int] = {}
        for number, (outputs, count) in enumerate(
            zip(stages, BLOCKS[settings.architecture], strict=True), start=1
        ):
            blocks = []
            for index in range(count):
                stride = 2 if number > 1 and index == 0 else 1
                blocks.append(Block(width, outputs, stride, settings, make_conv, activate))
                width = outputs
                self.channels |= {f"layer{number}_{index}_conv{i}": outputs for i in (1, 2)}
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        if settings.order == "norm_first":
            self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, settings.classes)

    @property
    def layers(self) -> list[str]:
        """The names of the 3x3 convolutions of the stages, as in "layer1_0_conv2"."""
        return list(self.channels)

    @property
    def blocks(self) -> list[Block]:
        """The blocks of all stages, in their order."""
        return [module for module in self.modules() if isinstance(module, Block)]

    def forward(self, pixels: Tensor) -> Answer:
        x = self._stem(pixels)
        maps: list[Tensor] = []
        for block in self.blocks:
            maps += block(x)
            x = maps[-1]
        with torch.autocast(pixels.device.type, enabled=False):
            x = x.float()
            # A sign needs its real input, but the linear layer is as well served by a ReLU's.
            x = F.relu(self.bn(x)) if self.settings.order == "norm_first" else self.activate(x)
            logits = self.fc(x.mean(dim=(2, 3)))
        return Answer(logits, maps)

    def _stem(self, pixels: Tensor) -> Tensor:
        """Computes the first layer in float32, under autocast too, as `BinaryAlexNetV1` does."""
        with torch.autocast(pixels.device.type, enabled=False):
            x: Tensor = self.conv1((pixels.float() - self.pixel_mean) / self.pixel_spread)
            x = self.bn1(x) if self.settings.order == "conv_first" else x
        # The pool stands behind the activation in ResNet, and before it here. The two commute.
        return F.max_pool2d(x, 3, 2, padding=1) if self.settings.stem == "large" else x

    @torch.no_grad()
    def take_weights(self, teacher: ResidualNet) -> None:
        """Copies a teacher's kernels and linear layer, but not its batch norms.

        Args:
            teacher: A network of the same architecture.

        Raises:
            KeyError: The teacher lacks a layer.
            RuntimeError: A layer has another shape.
        """
        theirs: dict[str, Any] = dict(teacher.named_modules())
        for name, module in self.named_modules():
            if isinstance(module, BinaryConv2d):
                module.set_weight(theirs[name].weight)
            elif isinstance(module, nn.Conv2d | nn.Linear):
                module.load_state_dict(theirs[name].state_dict())


def make_classifier(
    settings: NetworkSettings,
    weights: WeightBinarizerName | None = None,
    activations: ActivationBinarizerName = "approx",
    c_shape: CShape = "kernel",
) -> ResidualNet:
    """Makes a classifier with random weights.

    Args:
        settings: The architecture.
        weights: The weight binarizer's name, see `rbsf.binarize.weight_binarizer`. None makes the
            network in full precision.
        activations: The activation binarizer's name, see `rbsf.binarize.activation_binarizer`.
        c_shape: The shape of RBCN's C, see `rbsf.binarize.RBCN`.
    """
    if weights is None:
        return ResidualNet(settings, partial(_real_conv, kernel=3), F.relu)

    def binary_conv(inputs: int, outputs: int, stride: int) -> nn.Module:
        return BinaryConv2d(
            inputs,
            outputs,
            3,
            weight_binarizer=partial(weight_binarizer, weights, c_shape=c_shape),
            activation_binarizer=activation_binarizer(activations, inputs),
            bias=False,
            stride=stride,
            padding=1,
            pad_value=PAD_VALUES[settings.padding],
        )

    return ResidualNet(settings, binary_conv, lambda x: x)


def _real_conv(inputs: int, outputs: int, stride: int, kernel: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _downsample(inputs: int, outputs: int, stride: int, how: str) -> nn.Sequential:
    """The real 1x1 convolution of a shortcut that changes its size, and its batch norm.

    The two are named 0 and 1, as in torchvision, also where there is a pool before them.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if how == "pooled" and stride > 1:
        layers["pool"] = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
        stride = 1
    layers["0"] = _real_conv(inputs, outputs, stride, kernel=1)
    layers["1"] = nn.BatchNorm2d(outputs)
    return nn.Sequential(layers)
