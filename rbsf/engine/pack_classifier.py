"""Folds a binary classifier into bits, thresholds and scales: a `ResidualNet` becomes a
`PackedClassifier`.

Why a threshold on reals replaces all that comes before a binary convolution
-----------------------------------------------------------------------------
A binary convolution takes the sign of each channel of a real map x, behind a batch norm where the
network has it there. Both are monotone in x, and float32 operations stay so when they are rounded.
So the bit of a channel is a step in x: it is [x >= t] or, where it falls, the opposite, and t is
one of the 2^32 floats. We find it by bisection with the network's own layers, so no formula for t
can be wrong by a rounding error.

What is exact, and what is rounded
----------------------------------
Given x, the bits and the sums S of the binary convolution are those of torch. What follows them is
real: a scale and a bias, into which the batch norm is folded in float64, and a shortcut. There the
engine rounds three times to float32, and torch about as often, so both are within

    4 e (|S scale| + |bias| + |shortcut|),    e = 2^-24

of the true value. A shortcut of n channels that passes a 1x1 convolution adds 2 (n + 4) e times the
sum of its products' magnitudes. A bit differs from torch's only if x is that near to its threshold.

The stem has real weights, which become 8-bit as those of a tracker, see `rbsf.engine.pack`. The
zeros around its normalised input are the mean pixel, so the border has that colour, rounded to a
byte. Only here do numbers change by more than rounding errors of floats.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rbsf.binarize import Levels
from rbsf.engine.classifier_format import (
    Border,
    Change,
    Floats,
    PackedClassifier,
    PackedStem,
    PackedUnit,
    Source,
)
from rbsf.engine.pack import binary_kernel, round_weights, source_of
from rbsf.errors import InputError
from rbsf.files.classifiers import load_classifier
from rbsf.nn import BinaryConv2d, ResidualNet, binary_layers
from rbsf.nn.binary_conv import refuse_obstacles
from rbsf.nn.residual import Block

GREATEST = 2.0**100
"""Steps are looked for between this number and its opposite, so that no batch norm overflows."""
CHECKS = 4001
"""How many values of each channel are tried, to find a sign that both rises and falls."""

_BORDERS: dict[float, Border] = {-1.0: "minus", 1.0: "plus", 0.0: "zero"}


def pack_classifier_file(path: str | Path) -> PackedClassifier:
    """Packs a classifier's checkpoint. The metadata records where the network came from.

    Args:
        path: A checkpoint of `rbsf train classifier`.

    Raises:
        InputError: The file cannot be loaded, or its network cannot be packed. The message names
            the file.
    """
    file = Path(path)
    model = load_classifier(file)
    metadata = source_of(file, "kind", "config", "seed", "step")
    try:
        return pack_classifier(model, metadata)
    except InputError as error:
        raise InputError(f"{file} cannot be packed: {error}") from None


@torch.no_grad()
def pack_classifier(model: ResidualNet, metadata: dict[str, Any]) -> PackedClassifier:
    """Folds a binary classifier.

    Args:
        model: A classifier whose 3x3 convolutions are binary. It is not changed.
        metadata: Values that JSON can hold, to store in the packed network.

    Raises:
        InputError: A layer cannot be packed. The message names it and says why.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise InputError(f"{name} holds a value that is not finite")
    model = deepcopy(model).cpu().float().eval()
    refuse_obstacles(binary_layers(model))
    units: list[PackedUnit] = []
    names = iter(model.layers)
    for block in model.blocks:
        units += _block_units(block, next(names), next(names))
    last = _norm_numbers(model.bn) if model.settings.order == "norm_first" else ()
    return PackedClassifier(
        _stem(model),
        tuple(units),
        np.ascontiguousarray(model.fc.weight.numpy().T),
        model.fc.bias.numpy().copy(),
        metadata,
        *map(_float32, last),
    )


def _stem(model: ResidualNet) -> PackedStem:
    conv = model.conv1
    mean, spread = (t.double().numpy() for t in (model.pixel_mean, model.pixel_spread))
    weights, unit = round_weights(conv.weight.double().numpy() / spread)
    offset = -unit * (weights * mean).sum(axis=(1, 2, 3))  # the mean pixel gives 0
    if model.settings.order == "conv_first":
        scale, bias = _norm_numbers(model.bn1)
        unit, offset = unit * scale, offset * scale + bias
    red, green, blue = (round(value) for value in mean.flatten())
    pool = model.settings.stem == "large"
    return PackedStem(
        conv.stride[0], pool, (red, green, blue), weights, _float32(unit), _float32(offset)
    )


def _block_units(block: Block, first: str, second: str) -> list[PackedUnit]:
    """The two units of a block; the names of its convolutions are for messages."""
    change, shortcut = _shortcut(block.downsample)
    plain: tuple[Change, tuple[Floats, ...]] = ("none", ())
    if block.around_each:
        return [
            _unit(block, block.conv1, block.bn1, first, "own", change, shortcut),
            _unit(block, block.conv2, block.bn2, second, "own", *plain),
        ]
    return [
        _unit(block, block.conv1, block.bn1, first, "none", *plain),
        _unit(block, block.conv2, block.bn2, second, "before", change, shortcut),
    ]


def _unit(
    block: Block,
    conv: nn.Module,
    norm: nn.BatchNorm2d,
    name: str,
    source: Source,
    change: Change,
    shortcut: tuple[Floats, ...],
) -> PackedUnit:
    if not isinstance(conv, BinaryConv2d):
        raise InputError(f"{name} is a real convolution: only a binary network can be packed")
    if isinstance(conv.activation_binarizer, Levels):
        raise InputError(
            f"{name} reads levels: a classifier is packed only with activations of +-1"
        )
    signs, scales = binary_kernel(conv, name)
    bias = np.zeros(len(signs)) if conv.bias is None else conv.bias.double().numpy()
    scale = scales.double().numpy()
    if block.norm_first:
        before = nn.Sequential(norm, conv.activation_binarizer)
    else:
        before = nn.Sequential(conv.activation_binarizer)
        times, plus = _norm_numbers(norm)
        scale, bias = scale * times, bias * times + plus
    thresholds, flips = _thresholds(before, conv.weight.shape[1], name)
    return PackedUnit(
        conv.stride,
        _BORDERS[float(conv.pad_value or 0)],
        source,
        change,
        thresholds,
        flips,
        signs,
        _float32(scale),
        _float32(bias),
        *shortcut,
    )


def _shortcut(downsample: nn.Module) -> tuple[Change, tuple[Floats, ...]]:
    """The change of a shortcut, and the weights (inputs, outputs) and bias of its convolution."""
    if isinstance(downsample, nn.Identity):
        return "none", ()
    *pools, conv, norm = downsample.children()
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    scale, bias = _norm_numbers(norm)
    weights = conv.weight.double().numpy()[:, :, 0, 0].T * scale
    change: Change = "pooled" if pools else "strided"
    return change, (_float32(weights), _float32(bias))


def _norm_numbers(norm: nn.BatchNorm2d) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scale and the bias that a batch norm is in eval mode."""
    assert norm.running_mean is not None and norm.running_var is not None
    gamma, beta, mean, variance = (
        tensor.double().numpy()
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    scale = gamma / np.sqrt(variance + norm.eps)
    return scale, beta - mean * scale


def _float32(values: NDArray[np.float64]) -> Floats:
    return np.ascontiguousarray(values.astype(np.float32))


def _thresholds(before: nn.Module, channels: int, name: str) -> tuple[Floats, NDArray[np.bool_]]:
    """Finds the least float of each channel at which its bit changes, by bisection.

    Args:
        before: Maps a real map (1, C, h, w) to +1 and -1.
        channels: C.
        name: The layer, for messages.

    Returns:
        The thresholds (C,), and whether the bit is 1 below them. A bit that never changes has the
        threshold minus infinity.
    """

    def bits(values: Tensor) -> Tensor:
        """The bits of values (C, T)."""
        signs = before(values.float()[None, :, :, None])[0, :, :, 0]
        if not (signs.abs() == 1).all():
            raise InputError(f"{name}: the activation binarizer gives values other than +1 and -1")
        return signs > 0

    ends = torch.tensor([-GREATEST, GREATEST]).expand(channels, 2)
    at_low, at_high = bits(ends).T
    constant = at_low == at_high
    flips = torch.where(constant, ~at_high, at_low)
    low, high = (torch.full((channels,), _place(end)) for end in (-GREATEST, GREATEST))
    while (high - low).max() > 1:  # the bit changes above low, and not above high
        middle = (low + high) // 2
        on = bits(_float_at(middle)[:, None])[:, 0] ^ flips
        low, high = torch.where(on, low, middle), torch.where(on, middle, high)
    thresholds = torch.where(constant, -torch.inf, _float_at(high))
    _check_steps(bits, thresholds, flips, name)
    return thresholds.numpy().copy(), flips.numpy().copy()


def _check_steps(
    bits: Callable[[Tensor], Tensor], thresholds: Tensor, flips: Tensor, name: str
) -> None:
    """Refuses a channel that has more than one step."""
    grid = torch.linspace(-20, 20, CHECKS).expand(len(thresholds), -1)
    expected = (grid >= thresholds[:, None]) ^ flips[:, None]
    odd = int((bits(grid) != expected).any(dim=1).sum())
    if odd:
        raise InputError(
            f"{name}: in {odd} of {len(thresholds)} channels the sign both rises and falls as its "
            "input grows, so a threshold cannot replace it"
        )


def _place(value: float) -> int:
    """The place of a float32 in their order, where -0 and 0 share the place 0."""
    bits = int(np.float32(abs(value)).view(np.int32))
    return bits if value >= 0 else -bits


def _float_at(places: Tensor) -> Tensor:
    """The float32 at each place; the inverse of `_place`."""
    magnitudes = places.abs().to(torch.int32).view(torch.float32)
    return torch.where(places < 0, -magnitudes, magnitudes)
