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

Activations of four levels
--------------------------
If the next layer reads levels (`rbsf.binarize.Levels`), a' = l h with l = 0, 1, 2 or 3, and h is a
power of two. The layer that reads them computes conv(a, w) = h S, where S = sum w l is the integer
of the file, so its scale becomes scale * h, exactly. S lies in -3K..3K, and points 1 to 3 hold.

4'. l never falls with M where gamma >= 0, and never rises where gamma <= 0. In the second case
    3 - l never falls. So l, or with a flip 3 - l, is the number of the three steps that M reaches,
    and step i is [M >= t_i], where t_i is the least S with a level of at least i. A step that no S
    reaches has t_i = 3K + 1.
5'. [max S >= t_i] is the OR over the window of [S >= t_i], for each step.

In binary digits l = 2 a1 + a0. The sums of +-1 that the kernels compute, over the digits d of the
map taken as +-1, are S_d = sum w (2 a_d - 1). With W = sum w they give

    2 S = 2 sum w (2 a1 + a0) = 2 S_1 + S_0 + 3 W

The first layer
---------------
Its weights are real and become 8-bit: w ~ unit * q, with unit = max |w| / 127 for each filter. So
S = sum q p is an integer, and y ~ S * unit + bias. The threshold t, the least integer S whose bit
is 1 or whose level is at least i, is found by bisection in float64. Only in this layer can bits
differ from torch's, namely where y is within the rounding error of the step. How often that happens
depends on how the weights are rounded, see `round_weights`.
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
from rbsf.binarize.levels import unit_of
from rbsf.engine.format import STEPS, PackedLayer, PackedNetwork
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint
from rbsf.files.hashing import file_sha256
from rbsf.files.networks import load_network
from rbsf.nn import BinaryAlexNetV1, BinaryConv2d, SiamFC
from rbsf.nn.backbone import LayerShape
from rbsf.nn.binary_conv import refuse_obstacles

Decide = Callable[[Tensor], Tensor]
"""Maps integers S (C, T) to levels (C, T), by scale, bias, batch norm and binarizer. The level of
-1 is 0, that of +1 is 1."""


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
    metadata = source_of(file, "kind", "config", "seed", "step")
    try:
        return pack(model, metadata)
    except InputError as error:
        raise InputError(f"{file} cannot be packed: {error}") from None


def source_of(file: Path, *keys: str) -> dict[str, Any]:
    """The metadata that record where a packed network came from.

    Args:
        file: The checkpoint: its name and its hash are recorded.
        keys: What is copied from its header, as far as it is there.

    Raises:
        InputError: The checkpoint cannot be read.
    """
    header = load_checkpoint(file).header
    copied = {key: header[key] for key in keys if key in header}
    return {"name": file.stem, "source_sha256": file_sha256(file), **copied}


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
    refuse_obstacles(backbone.binary_layers())
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
    count = _step_count(after)
    low, high, flips = _steps(coarse, decide, count, shape)
    while (high - low).max() > 1:  # the step is above low, and not above high
        middle = ((low + high) / 2).floor()
        on = _turned(decide(middle), flips, count) >= torch.arange(1, count + 1)
        low, high = torch.where(on, low, middle), torch.where(on, middle, high)
    return _folded_layer("pixels", shape, weights, high, flips)


def _binary_layer(
    shape: LayerShape, conv: BinaryConv2d, backbone: BinaryAlexNetV1, after: BinaryConv2d | None
) -> PackedLayer:
    if conv.padding:
        raise InputError(f"{shape.name} pads its input: the packed engine has no padding")
    weights, scale = binary_kernel(conv, shape.name)
    scales = scale * unit_of(conv.activation_binarizer)
    bias = torch.zeros(shape.outputs) if conv.bias is None else conv.bias
    if after is None:
        real = (scales.numpy().copy(), bias.numpy().copy())
        return PackedLayer("binary", *shape[1:], weights, None, None, *real)
    decide = _decision(scales, bias, backbone.norms[shape.name], after, shape)
    terms = weights[0].size
    if isinstance(conv.activation_binarizer, Levels):
        sums = torch.arange(-STEPS * terms, STEPS * terms + 1, dtype=torch.float32)
    else:
        sums = torch.arange(-terms, terms + 1, 2, dtype=torch.float32)
    _, thresholds, flips = _steps(sums, decide, _step_count(after), shape)
    return _folded_layer("binary", shape, weights, thresholds, flips)


def binary_kernel(conv: BinaryConv2d, name: str) -> tuple[NDArray[np.int8], Tensor]:
    """The signs of a binary convolution, and its scale for each filter (Cout,), in float32.

    Args:
        conv: The convolution.
        name: Its name, for messages.

    Raises:
        InputError: The kernel is not one of signs, or its scale is not one positive number for the
            layer or for each filter.
    """
    signs, scale = conv.weight_binarizer(conv.weight)
    if not (signs.abs() == 1).all():
        raise InputError(f"{name} has kernel values other than +1 and -1, which are not bits")
    if scale.numel() not in (1, len(signs)):
        raise InputError(
            f"{name} has a scale of shape {tuple(scale.shape)}: "
            "only one number for the layer, or one for each filter, can be folded"
        )
    if not (scale.isfinite() & (scale > 0)).all():
        raise InputError(f"{name} has a scale that is not positive and finite")
    return signs.to(torch.int8).numpy(), scale.float().reshape(-1).expand(len(signs))


def _step_count(after: BinaryConv2d) -> int:
    """How many thresholds each channel needs before a layer reads it.

    Raises:
        InputError: The layer reads levels, but not four.
    """
    binarizer = after.activation_binarizer
    if not isinstance(binarizer, Levels):
        return 1
    if binarizer.steps != STEPS:
        raise InputError(
            f"activations of {binarizer.steps + 1} levels cannot be packed: "
            f"only signs or {STEPS + 1} levels can"
        )
    return STEPS


def _folded_layer(
    kind: Any, shape: LayerShape, weights: NDArray[np.int8], thresholds: Tensor, flips: Tensor
) -> PackedLayer:
    """Makes a layer from thresholds (C, steps). One step gives bits, more give levels."""
    steps = thresholds.to(torch.int32).T.contiguous().numpy()
    return PackedLayer(
        kind, *shape[1:], weights, steps if len(steps) > 1 else steps[0], flips.numpy()
    )


def _decision(
    scale: Tensor, bias: Tensor, norm: nn.Module, after: BinaryConv2d, shape: LayerShape
) -> Decide:
    """Makes the function from S to levels after a layer, in the precision of `scale`.

    It leaves out the pool, as point 3 permits. `after` is the layer that reads the result.
    """
    norm, binarizer = deepcopy(norm).to(scale.dtype), after.activation_binarizer

    def decide(sums: Tensor) -> Tensor:
        out = sums[None, :, :, None] * scale.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1)
        values: Tensor = binarizer(norm(out))[0, :, :, 0] / unit_of(binarizer)
        if isinstance(binarizer, Levels):
            return values.to(torch.int64)
        if not (values.abs() == 1).all():
            raise InputError(
                f"{shape.name}: the activation binarizer after it gives values other than +1 and -1"
            )
        return (values > 0).to(torch.int64)

    return decide


def _steps(
    sums: Tensor, decide: Decide, count: int, shape: LayerShape
) -> tuple[Tensor, Tensor, Tensor]:
    """Finds where the levels of ascending sums (T,) change.

    Args:
        sums: The sums, in ascending order.
        decide: Gives their levels.
        count: The greatest level.
        shape: The layer, for messages.

    Returns:
        The last sum before each step, for each channel, (C, count).
        The first sum after each step, (C, count): one more than the greatest sum if that does not
        reach the step. If every sum reaches it, this and the last sum before are the least sum.
        Whether the level falls, or is 0 everywhere, (C,).

    Raises:
        InputError: The level of a channel both rises and falls.
    """
    levels = decide(sums.expand(shape.outputs, -1))
    flips = (levels[:, -1] < levels[:, 0]) | (levels[:, -1] == 0)
    rising = _turned(levels, flips, count)
    odd = int((rising.diff(dim=1) < 0).any(dim=1).sum())
    if odd:
        raise InputError(
            f"{shape.name}: in {odd} of {shape.outputs} channels the value after it both rises and "
            "falls as the sum grows, so thresholds cannot replace it"
        )
    first = torch.stack([(rising < step).sum(dim=1) for step in range(1, count + 1)], dim=1)
    ends = torch.cat([sums, sums[-1:] + 1])
    return ends[(first - 1).clamp(min=0)], ends[first], flips


def _turned(levels: Tensor, flips: Tensor, count: int) -> Tensor:
    """The levels (C, T), counted from the greatest downwards in the channels that are flipped."""
    return torch.where(flips[:, None], count - levels, levels)


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
