"""Folds a student into bits and integer thresholds: a `SiamFC` becomes a `PackedNetwork`.

Why each layer except the last becomes one integer threshold and one flip per channel
--------------------------------------------------------------------------------------
A binary layer computes, in torch and in float32,

    S = conv(a, w)             a, w = +-1; there are K terms, so S is one of -K, -K + 2, ..., K
    y = S * scale + bias       scale > 0, one for the layer or for each filter
    z = max of y over the pool's window, if the layer has a pool
    v = gamma (z - mean) / sqrt(var + eps) + beta
    a' = sign(v), sign(0) = +1 (or any other step function, such as RSign with its shift)

1. K <= 2^24, so S is exact in float32, whatever the order of the sum.
2. Each later operation is monotone in its argument. Multiplying by a constant and adding a constant
   are monotone in real numbers, and rounding to nearest is (x <= y gives round(x) <= round(y)), so
   the float operations are monotone too, fused or not. y never falls with S, because scale > 0.
   v never falls with z where gamma >= 0, and never rises where gamma <= 0. sign never falls.
3. Since y(S) never falls, the maximum of y(S) over a window is y(max S). So the pool can move in
   front of the scale.
4. So a' is a step in M = max S. Where it rises, a' = 1 exactly for M >= t; the threshold t is the
   least S whose bit is 1. Where it falls (gamma < 0), a' = 1 exactly for M < t, which is the bit of
   [M >= t], flipped. If a' is constant (gamma = 0, or the step is beyond -K..K), then t = -K, and
   the bit is flipped for -1.
5. [max S >= t] is the OR over the window of [S >= t]. So the pool is an OR of bits, and the flip
   comes after it.

In real numbers t is the S at which v = 0: mean - beta sqrt(var + eps) / gamma, minus bias, divided
by scale. In floats this formula can be wrong by one at a tie, so we do not use it. S takes only
K + 1 values. We run the network's own scale, bias, batch norm and binarizer on all of them, and see
exactly where the step is. The same table proves point 4 for binarizers that this file does not
know.

The first layer
---------------
Its weights are real and become 8-bit: w ~ unit * q, with unit = max |w| / 127 for each filter. So
S = sum q p is an integer, and y ~ S * unit + bias. The threshold t, the least integer S whose bit
is 1, is found by bisection in float64. Only in this layer can bits differ from torch's, namely
where y is within the rounding error of the step. How often that happens depends on how the weights
are rounded, see `round_weights`.
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

from rbsf.engine.format import PackedLayer, PackedNetwork
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint
from rbsf.files.hashing import file_sha256
from rbsf.files.networks import load_network
from rbsf.nn import BinaryAlexNetV1, BinaryConv2d, SiamFC
from rbsf.nn.backbone import LayerShape

Decide = Callable[[Tensor], Tensor]
"""Maps integers S (C, T) to their bits (C, T), by scale, bias, batch norm and binarizer."""


def pack_file(path: str | Path) -> PackedNetwork:
    """Packs a student's checkpoint. The metadata records where the network came from.

    Args:
        path: A training checkpoint or a shipped `.safetensors` file.

    Raises:
        InputError: The file cannot be loaded, is not a student, or has a layer that does not fold.
            The message names the file.
    """
    file = Path(path)
    model = load_network(file)
    if not isinstance(model.backbone, BinaryAlexNetV1):
        raise InputError(f"{file} cannot be packed: it is a full-precision network, not a student")
    header = load_checkpoint(file).header
    origin: dict[str, Any] = {
        key: header[key] for key in ("kind", "config", "seed", "step") if key in header
    }
    try:
        return pack(model, {"name": file.stem, "source_sha256": file_sha256(file), **origin})
    except InputError as error:
        raise InputError(f"{file} cannot be packed: {error}") from None


@torch.no_grad()
def pack(model: SiamFC, metadata: dict[str, Any]) -> PackedNetwork:
    """Folds a student. Given torch's bits after the first layer, all later bits equal torch's.

    Args:
        model: A `SiamFC` with a `BinaryAlexNetV1`. It is not changed.
        metadata: Values that JSON can hold, to store in the packed network.

    Raises:
        InputError: A layer does not fold. The message names it and says why.
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
    while (high - low).max() > 1:  # the bit is 0 at low and 1 at high, or the reverse if flipped
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
        raise InputError(f"{shape.name} has kernel values other than +1 and -1, which are not bits")
    if scale.numel() not in (1, shape.outputs):
        raise InputError(
            f"{shape.name} has a scale of shape {tuple(scale.shape)}: "
            "only one number for the layer, or one for each filter, can be folded"
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
    """Makes the function from S to bits after a layer, in the precision of `scale`.

    It leaves out the pool, as point 3 permits. `after` is the layer that binarizes the result.
    """
    norm = deepcopy(norm).to(scale.dtype)

    def decide(sums: Tensor) -> Tensor:
        out = sums[None, :, :, None] * scale.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)
        values: Tensor = after.activation_binarizer(norm(out))[0, :, :, 0]
        if not (values.abs() == 1).all():
            raise InputError(
                f"{shape.name}: the activation binarizer after it gives values other than +1 and -1"
            )
        return values > 0

    return decide


def _step(sums: Tensor, decide: Decide, shape: LayerShape) -> tuple[Tensor, Tensor, Tensor]:
    """Finds where the bits of ascending sums (T,) change.

    Returns:
        The last sum before the step, for each channel, (C,).
        The first sum after the step, (C,). If the bit never changes, both are the least sum.
        Whether the bit is 1 before the step, (C,).

    Raises:
        InputError: The bits of a channel change more than once.
    """
    bits = decide(sums.expand(shape.outputs, -1))
    flips = ~bits[:, -1]
    rises = bits ^ flips[:, None]
    first = rises.to(torch.uint8).argmax(dim=1)
    odd = int((rises.sum(dim=1) != len(sums) - first).sum())
    if odd:
        raise InputError(
            f"{shape.name}: in {odd} of {shape.outputs} channels the bit after it changes more "
            "than once as the sum grows, so one threshold cannot replace it"
        )
    return sums[(first - 1).clamp(min=0)], sums[first], flips


def round_weights(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Rounds real weights to 8 bits so that sums over natural images change least.

    The error of a sum is e . p, where e are the rounding errors of the weights. Its mean square is
    e R e', where R are the second moments of the pixels. Neighbouring pixels are nearly equal, so R
    is far from diagonal, and rounding each weight by itself is far from optimal. We factor
    inv(R) = U' U and round one weight after the other. Each passes its error on to the weights that
    are not rounded yet, so that the error of the sum is least, as in GPTQ (Frantar 2023).

    The remaining error is about zero on smooth patches and under changes of light. On crops of real
    frames, 18 to 25 times fewer bits differ from the float layer's than with plain rounding.

    Args:
        weights: The real weights, (C, 3, k, k).

    Returns:
        The integer weights, -127 to 127, of the same shape.
        The unit of each filter, (C,). Its product with them is about the real weights.
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
    """Models R for natural images: the second moments of RGB pixels (3, side, side), flattened.

    The model has variance 1 around a mean of 2, a correlation of 0.95 per pixel of distance, and
    one of 0.9 between colours. The result of rounding hardly depends on these numbers.
    """
    places = np.indices((side, side)).reshape(2, -1).T
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    colours = np.full((3, 3), 0.9) + 0.1 * np.eye(3)
    moments: NDArray[np.float64] = np.kron(colours, 0.95**distance) + 2.0**2
    return moments
