"""A convolution whose input and kernel are both +1 and -1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize import WeightBinarizer
from rbsf.errors import InputError


class BinaryConv2d(nn.Module):
    """A convolution that binarizes its input and its kernel first (RBCN eq. 6).

        out = scale * conv(q(x), sign(W)) + bias,    q = sign, or `Levels`

    In float32 the convolution is an exact multiple of q's unit, which is 1, or the height of a
    step. All that follows depends on that integer alone, so the packed engine can reproduce every
    bit.

    Args:
        in_channels: The channels of the input, as in `nn.Conv2d`.
        out_channels: The channels of the output.
        kernel_size: The side of the square kernel.
        weight_binarizer: A function that makes the weight binarizer from the kernel's shape.
        activation_binarizer: A module that maps the input to +1 and -1, or to levels.
        groups: The groups that the channels are divided into, as in `nn.Conv2d`.
        bias: Whether a bias for each channel is added after the scale.
        stride: The distance between neighbouring outputs, in pixels of the input.
        padding: How many pixels are added on each side. A binary map has no zero, so padding needs
            a `pad_value`.
        pad_value: The value of those pixels. +1 and -1 are bits like all others. 0 is a real zero:
            at the border a sum has fewer terms, which an engine of bits must leave out.

    Attributes:
        binary_weights: Whether the kernel is binarized. It is at first; a training in two steps
            switches it off for its first step, in which out = conv(sign(x), W) + bias.
        weight: The latent weight W. It has the kernel's shape, unless the weight binarizer makes
            several filters from each that it learns, see `WeightBinarizer.latent_shape`.

    Shapes:
        Input: (N, Cin, H, W), real. Output: (N, Cout, H', W'), real.

    Raises:
        InputError: There is padding, but `pad_value` is not +1, -1 or 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        weight_binarizer: Callable[[torch.Size], WeightBinarizer],
        activation_binarizer: nn.Module,
        groups: int = 1,
        bias: bool = True,
        stride: int = 1,
        padding: int = 0,
        pad_value: float | None = None,
    ) -> None:
        super().__init__()
        if padding and pad_value not in (1, -1, 0):
            raise InputError(
                f"BinaryConv2d: padding {padding} needs a pad_value, +1 or -1 or a real 0, not "
                f"{pad_value}, because a binary map has no zero"
            )
        self.groups, self.stride = groups, stride
        self.padding, self.pad_value = padding, pad_value
        kernel = torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size)
        made = weight_binarizer(kernel.shape)
        self.weight = nn.Parameter(torch.empty(made.latent_shape))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.weight_binarizer = made
        self.activation_binarizer = activation_binarizer
        self.binary_weights = True
        self.set_weight(nn.init.xavier_uniform_(kernel))

    @torch.no_grad()
    def set_weight(self, kernel: Tensor) -> None:
        """Makes the latent weight W stand for a real kernel, and fits the binarizer to it.

        Args:
            kernel: The kernel, (Cout, Cin / groups, k, k).
        """
        self.weight.copy_(self.weight_binarizer.latent(kernel))
        self.weight_binarizer.fit(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        bits = self.activation_binarizer(x)
        if self.padding and self.pad_value:
            bits = F.pad(bits, (self.padding,) * 4, value=self.pad_value)
        zeros = 0 if self.pad_value else self.padding  # which conv2d itself adds
        conv = partial(F.conv2d, stride=self.stride, padding=zeros, groups=self.groups)
        if self.binary_weights:
            signs, scale = self.weight_binarizer(self.weight)
            sums = conv(bits, signs)
            sums = self.weight_binarizer.after(sums, x, self.stride, self.padding, self.groups)
            out = sums * scale.reshape(1, -1, 1, 1)
        else:
            out = conv(bits, self.weight_binarizer.kernel(self.weight))
        return out if self.bias is None else out + self.bias.reshape(1, -1, 1, 1)


def binary_layers(network: nn.Module) -> dict[str, BinaryConv2d]:
    """The binary convolutions of a network by their names, from the first to the last."""
    return {n: m for n, m in network.named_modules() if isinstance(m, BinaryConv2d)}


def has_binary_weights(network: nn.Module) -> bool:
    """Whether every binary convolution of a network has binary weights. True if it has none."""
    return all(conv.binary_weights for conv in binary_layers(network).values())


def refuse_obstacles(layers: dict[str, BinaryConv2d]) -> None:
    """Refuses layers with a method that says of itself that it cannot be packed.

    Args:
        layers: The layers by name.

    Raises:
        InputError: There is one. The message names the layer and the method, and says why.
    """
    for name, conv in layers.items():
        for binarizer in (conv.weight_binarizer, conv.activation_binarizer):
            obstacle = getattr(binarizer, "obstacle", "")
            if obstacle:
                method = type(binarizer).__name__
                raise InputError(f"{name} has {method}, which does not pack: {obstacle}")
