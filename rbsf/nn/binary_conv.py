"""A convolution of +-1 maps with +-1 kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize import WeightBinarizer
from rbsf.errors import InputError


class BinaryConv2d(nn.Module):
    """Binarises its input and its kernel, convolves, scales: C* conv(sign(x), sign(W)) + bias.

    In float32 the convolution is an exact integer, so the sign of what follows it depends on the
    integer alone and the packed engine can reproduce every bit.

    Args:
        in_channels: as in `nn.Conv2d`.
        out_channels: as in `nn.Conv2d`.
        kernel_size: one side of the square kernel; the stride is 1.
        groups: as in `nn.Conv2d`.
        weight_binarizer: builds the weight binarizer from the kernel's shape.
        activation_binarizer: a module that maps the input to +-1.
        bias: a bias a channel, added after the scale.
        padding: pixels on each side. A binary map has no zero, so padding needs `pad_value`.
        pad_value: +1 or -1.

    Shapes:
        input (N, Cin, H, W), real; output (N, Cout, H', W'), real.

    Raises:
        InputError: padding without a pad value of +1 or -1.
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
        padding: int = 0,
        pad_value: float | None = None,
    ) -> None:
        super().__init__()
        if padding and pad_value not in (1, -1):
            raise InputError(
                f"BinaryConv2d: padding {padding} needs pad_value +1 or -1, not {pad_value}: "
                "a zero is no binary value"
            )
        self.groups, self.padding, self.pad_value = groups, padding, pad_value
        self.weight = nn.Parameter(
            torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size)
        )
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.weight_binarizer = weight_binarizer(self.weight.shape)
        self.activation_binarizer = activation_binarizer
        nn.init.xavier_uniform_(self.weight)
        self.weight_binarizer.fit(self.weight)

    @torch.no_grad()
    def set_weight(self, weight: Tensor) -> None:
        """Takes a kernel over as latent weight W and fits the binarizer to it."""
        self.weight.copy_(weight)
        self.weight_binarizer.fit(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        bits = self.activation_binarizer(x)
        if self.padding:
            bits = F.pad(bits, (self.padding,) * 4, value=self.pad_value)
        signs, scale = self.weight_binarizer(self.weight)
        counts = F.conv2d(bits, signs, groups=self.groups)
        out = counts * scale.reshape(1, -1, 1, 1)
        return out if self.bias is None else out + self.bias.reshape(1, -1, 1, 1)
