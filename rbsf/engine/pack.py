"""Folds a student into bits and integer thresholds: a SiamFC becomes a PackedNetwork.

Why every layer but the last is one integer threshold and one flip a channel
----------------------------------------------------------------------------
A binary layer computes, in torch and in float32,

    S = conv(a, w)             a, w = +-1: K terms, so S is one of -K, -K + 2, ..., K
    y = S * scale + bias       scale > 0, one a layer or a filter
    z = max of y over the pool's window, where the layer has a pool
    v = gamma (z - mean) / sqrt(var + eps) + beta
    a' = sign(v), sign(0) = +1 (or any other step: a shift inside it, as RSign's, is no matter)

1. K <= 2^24, so S is exact in float32, whatever the order of the sum.
2. Each operation after it is monotone in its argument: a real product with a constant and a real
   sum with a constant are, and rounding to nearest is (x <= y gives round(x) <= round(y)), so their
   float versions are too, fused or not. y never falls with S because scale > 0; v never falls with
   z where gamma >= 0 and never rises where gamma <= 0; sign never falls.
3. y(S) never falls, so max over a window of y(S) = y(max S): pooling moves in front of the scale.
4. So a' is a step in M = max S. Where it rises, a' = 1 exactly for M >= t: the threshold t is the
   least S whose bit is 1. Where it falls (gamma < 0), a' = 1 exactly for M < t: the bit of
   [M >= t], flipped. A constant (gamma = 0, or a step beyond -K..K) is t = -K, flipped for -1.
5. [max S >= t] = OR over the window of [S >= t]: the pool is an OR of bits, then comes the flip.

In real numbers t is where v = 0: mean - beta sqrt(var + eps) / gamma, less bias, over scale. In
floats, that formula may miss by one at a tie. So it is not used: S takes K + 1 values only, and
running the network's own scale, bias, batch norm and binarizer on all of them shows the step where
it is, to the bit. The same table proves point 4 for a binarizer that this file has never seen.

The first layer
---------------
Its weights are real and become 8-bit: w ~ unit * q, unit = max |w| / 127 a filter, so S = sum q p
is an integer and y ~ S * unit + bias; t is the least integer S whose bit is 1, by halving, in
float64. Here alone bits may differ from torch's, where y is within the rounding error of the step.
How the weights are rounded decides how often: see `round_weights`.
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

from rbsf.checkpoint import load_checkpoint
from rbsf.embedder import file_sha256
from rbsf.engine.format import PackedLayer, PackedNetwork
from rbsf.errors import InputError
from rbsf.network import load_network
from rbsf.nn import BinaryAlexNetV1, BinaryConv2d, SiamFC
from rbsf.nn.backbone import LayerShape

Decide = Callable[[Tensor], Tensor]
"""The bits (C, T), bool, that integers S (C, T) become: scale, bias, batch norm, binarizer."""


def pack_file(path: str | Path) -> PackedNetwork:
    """Packs a student's checkpoint; the metadata tells where it came from.

    Raises:
        InputError: as `rbsf.network.load_network` and `pack`; the message names the file.
    """
    file = Path(path)
    model = load_network(file)
    if not isinstance(model.backbone, BinaryAlexNetV1):
        raise InputError(f"{file} cannot be packed: it is a full-precision network, not a student")
    header = load_checkpoint(file).header
    told: dict[str, Any] = {
        key: header[key] for key in ("kind", "config", "seed", "step") if key in header
    }
    try:
        return pack(model, {"name": file.stem, "source_sha256": file_sha256(file), **told})
    except InputError as error:
        raise InputError(f"{file} cannot be packed: {error}") from None


@torch.no_grad()
def pack(model: SiamFC, metadata: dict[str, Any]) -> PackedNetwork:
    """Folds a student; every bit behind the first layer is torch's, given torch's bits there.

    Args:
        model: a SiamFC with a BinaryAlexNetV1; it is left as it was.
        metadata: anything that JSON holds.

    Raises:
        InputError: a layer does not fold; the message names it and the rule that it breaks.
    """
    if not isinstance(model.backbone, BinaryAlexNetV1):
        raise InputError("only a student, whose backbone is a BinaryAlexNetV1, can be packed")
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise InputError(f"{name} holds a value that is not finite")
    backbone = deepcopy(model.backbone).cpu().float().eval()
    convs = list(backbone.binary_layers().values())
    layers = [_pixel_layer(backbone.layers[0], backbone, convs[0])]
    for shape, conv, after in zip(backbone.layers[1:], convs, [*convs[1:], None], strict=True):
        layers.append(_binary_layer(shape, conv, backbone, after))
    return PackedNetwork(tuple(layers), float(model.gain), float(model.bias), metadata)


def _pixel_layer(shape: LayerShape, backbone: BinaryAlexNetV1, after: BinaryConv2d) -> PackedLayer:
    conv = deepcopy(backbone.conv1).double()
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    if conv.padding != (0, 0):
        raise InputError(f"{shape.name} pads its input: the packed engine has no padding")
    weights, unit = round_weights(conv.weight.numpy())
    decide = _decision(torch.from_numpy(unit), conv.bias, backbone.norms[shape.name], after, shape)
    reach = 255 * 127 * conv.weight[0].numel()
    coarse = torch.linspace(-reach, reach, 4097, dtype=torch.float64).round()
    low, high, flips = _step(coarse, decide, shape)
    while (high - low).max() > 1:  # the bit at low is 0, at high 1 (or flipped)
        middle = ((low + high) / 2).floor()
        on = decide(middle[:, None])[:, 0] ^ flips
        low, high = torch.where(on, low, middle), torch.where(on, middle, high)
    return _bits_layer("pixels", shape, weights, high, flips)


def _binary_layer(
    shape: LayerShape, conv: BinaryConv2d, backbone: BinaryAlexNetV1, after: BinaryConv2d | None
) -> PackedLayer:
    if conv.padding:
        raise InputError(f"{shape.name} pads its input: the packed engine has no padding")
    signs, scale = conv.weight_binarizer(conv.weight)
    if not (signs.abs() == 1).all():
        raise InputError(f"{shape.name} has kernel values that are not +1 or -1: they are no bits")
    if scale.numel() not in (1, shape.outputs):
        raise InputError(
            f"{shape.name} has a scale of shape {tuple(scale.shape)}: "
            "only one number a layer or a filter folds"
        )
    if not (scale.isfinite() & (scale > 0)).all():
        raise InputError(f"{shape.name} has a scale that is not positive and finite")
    scales = scale.float().reshape(-1).expand(shape.outputs)
    bias = torch.zeros(shape.outputs) if conv.bias is None else conv.bias
    weights = signs.to(torch.int8).numpy()
    if after is None:
        real = (scales.numpy().copy(), bias.numpy().copy())
        return PackedLayer("binary", *shape[1:], weights, None, None, *real)
    decide = _decision(scales, bias, backbone.norms[shape.name], after, shape)
    terms = signs[0].numel()
    sums = torch.arange(-terms, terms + 1, 2, dtype=torch.float32)
    _, thresholds, flips = _step(sums, decide, shape)
    return _bits_layer("binary", shape, weights, thresholds, flips)


def _bits_layer(
    kind: Any, shape: LayerShape, weights: NDArray[np.int8], thresholds: Tensor, flips: Tensor
) -> PackedLayer:
    return PackedLayer(kind, *shape[1:], weights, thresholds.to(torch.int32).numpy(), flips.numpy())


def _decision(
    scale: Tensor, bias: Tensor, norm: nn.Module, after: BinaryConv2d, shape: LayerShape
) -> Decide:
    """What the network does with S behind `shape`, in the scale's precision; no pool (point 3)."""
    norm = deepcopy(norm).to(scale.dtype)

    def decide(sums: Tensor) -> Tensor:
        out = sums[None, :, :, None] * scale.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)
        values: Tensor = after.activation_binarizer(norm(out))[0, :, :, 0]
        if not (values.abs() == 1).all():
            raise InputError(
                f"{shape.name}: the activation binarizer behind it gives other values than +1, -1"
            )
        return values > 0

    return decide


def _step(sums: Tensor, decide: Decide, shape: LayerShape) -> tuple[Tensor, Tensor, Tensor]:
    """Where the bits of ascending sums (T,) step.

    Returns:
        For each channel (C,): the last sum before the step and the first one behind it (both the
        least sum where the bit never changes), and whether the bit is 1 before the step.

    Raises:
        InputError: some channel's bits step more than once.
    """
    bits = decide(sums.expand(shape.outputs, -1))
    flips = ~bits[:, -1]
    rises = bits ^ flips[:, None]
    first = rises.to(torch.uint8).argmax(dim=1)
    odd = int((rises.sum(dim=1) != len(sums) - first).sum())
    if odd:
        raise InputError(
            f"{shape.name}: the bit behind it is no single step of the sum in {odd} of "
            f"{shape.outputs} channels: one threshold cannot stand for it"
        )
    return sums[(first - 1).clamp(min=0)], sums[first], flips


def round_weights(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """8-bit weights and their unit for real ones: (C, 3, k, k) -> the same shape, (C,).

    A sum's error is e . p, with e the weights' rounding errors; its mean square is e R e' with
    R the second moments of pixels. Neighbouring pixels are nearly equal and R is far from
    diagonal, so rounding each weight by itself is far from best. With the factor inv(R) = U' U,
    weights are rounded one after the other, and each passes its error on to those still open so
    that the error of the sum is least (as GPTQ does, Frantar 2023): neighbours make it up.
    What is left is about zero on any smooth patch and under any change of light. On crops of
    real frames 18 to 25 times fewer bits differ from the float layer's than with plain rounding.
    """
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    largest[largest == 0] = 1
    exact = (weights * 127 / largest).reshape(len(weights), -1)
    factor = np.linalg.cholesky(np.linalg.inv(_pixel_moments(weights.shape[2]))).T
    rounded = np.empty_like(exact)
    for at in range(exact.shape[1]):
        rounded[:, at] = np.rint(exact[:, at]).clip(-127, 127)
        error = (exact[:, at] - rounded[:, at]) / factor[at, at]
        exact[:, at + 1 :] -= np.outer(error, factor[at, at + 1 :])
    return rounded.reshape(weights.shape).astype(np.int8), largest[:, 0, 0, 0] / 127


def _pixel_moments(side: int) -> NDArray[np.float64]:
    """R of natural images, a model: second moments of the RGB pixels (3, side, side), flattened.

    Deviations of variance 1 on a mean of 2; correlation 0.95 a pixel of distance and 0.9 between
    colours. The result of rounding hardly depends on these numbers.
    """
    places = np.indices((side, side)).reshape(2, -1).T
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    colours = np.full((3, 3), 0.9) + 0.1 * np.eye(3)
    moments: NDArray[np.float64] = np.kron(colours, 0.95**distance) + 2.0**2
    return moments
