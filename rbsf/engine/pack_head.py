"""Rounds a trained box head to 8 bits: a `BoxNet` becomes a `PackedNetwork` with a head.

The layers
----------
`rbsf.engine.packed_head` says how the numbers are used. A layer of the head computes in torch

    v = gamma (w . x - mean) / sqrt(var + eps) + beta = w' . x + b

Its input x_i is s_i (q_i - c_i), where s_i is the step of byte q_i, and c_i is 128 if x_i can be
negative, else 0. Each row of w' s is rounded to 8 bits, about u times integers n. In steps t of
what the layer gives,

    v / t = (u / t) sum n_i q_i + (b - u sum c_i n_i) / t

So the scale is u / t, and all else is the bias. The ReLU is the clamp at 0.

The steps
---------
Calibration pairs pass through the float head. A map has one step: the one that makes the mean
cubed error least, of rounding (step^3 / 32, for errors spread evenly) and of clamping. Squares
would clamp the few large values that tell a target from what is like it, and to take the largest
value alone is to heed one value only. Measured on 92 pairs of 27 tracks that were not used for
training, against the float head on the same features (root mean squares; the last column is the
mean IoU of the boxes that both decide for):

    steps from                                    target   quality   box, px   IoU
    144 real pairs, cubes                         .054     .009      .30       .991
    144 rendered pairs, cubes                     .052     .010      .25       .992
    144 real pairs, largest value                 .058     .010      .33       .989
    144 real pairs, cubes, a step a channel       .051     .009      .28       .992
    144 rendered pairs, cubes, a step a channel   .368     .068      1.23      .954

The maps spread by 3.0, .34 and 45 pixels. Rounding conv1 to 8 bits alone (`rbsf.engine.pack`) makes
errors of .076, .011, .35 pixels and an IoU of .983. So no map of the head needs more than 8 bits. A
step for each channel would cost the engine nothing, but it fails where calibration never saw a
channel fire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rbsf.engine.format import PackedNetwork
from rbsf.engine.pack import pack, source_of
from rbsf.engine.packed_head import Floats, HeadLayer, PackedHead, Tower
from rbsf.engine.torch_box import TorchBoxNetwork, load_box_net
from rbsf.errors import InputError
from rbsf.nn.box_head import BoxHead, BoxNet, pixelwise_correlation

CENTRE = 128
"""The byte that stands for 0 where values can be negative."""
SHARES = tuple(share / 20 for share in range(20, 3, -1))
"""The shares of the largest value that are tried as what the largest byte stands for."""

Doubles = NDArray[np.float64]
Maps = dict[str, list[Tensor]]


class CalibrationPair(NamedTuple):
    """An exemplar and a search crop, as a tracker cuts them."""

    exemplar: NDArray[np.uint8]
    """RGB, (1, 127, 127, 3)."""
    search: NDArray[np.uint8]
    """RGB, (1, 255, 255, 3)."""
    believed: tuple[float, float]
    """The believed width and height, in pixels of the search crop."""


def pack_box_file(path: str | Path, pairs: Sequence[CalibrationPair]) -> PackedNetwork:
    """Packs a checkpoint of a network with a box head.

    Args:
        path: A checkpoint of `tools/train_box.py`, or a file of `rbsf.train.box_latent`.
        pairs: The pairs from which the head learns its steps.

    Raises:
        InputError: The file cannot be loaded, or has a layer that does not fold.
    """
    file = Path(path)
    model = load_box_net(file)
    metadata = source_of(file, "kind", "seed", "step", "metrics")
    try:
        return pack_box_net(model, pairs, metadata)
    except InputError as error:
        raise InputError(f"{file} cannot be packed: {error}") from None


def pack_box_net(
    model: BoxNet, pairs: Sequence[CalibrationPair], metadata: dict[str, Any]
) -> PackedNetwork:
    """Packs a network with a box head.

    Args:
        model: The network. It is put in eval mode.
        pairs: The pairs from which the head learns its steps, at least one.
        metadata: Values that JSON can hold, to store in the packed network.

    Raises:
        InputError: A layer does not fold. The message names it and says why.
    """
    network = pack(model, metadata)
    return replace(network, head=_pack_head(model.head, _maps_of(model, pairs)))


def _maps_of(model: BoxNet, pairs: Sequence[CalibrationPair]) -> Maps:
    """The maps that the float network makes of all pairs, by the names of `_watched`."""
    maps: Maps = {}
    watched = _watched(model)
    hooks = [m.register_forward_hook(_recorder(maps, name)) for name, m in watched.items()]
    network = TorchBoxNetwork(model)
    for pair in pairs:
        exemplar = network.exemplar(network.exemplar_feature(pair.exemplar))
        network.search(exemplar, pair.search, pair.believed)
        products = pixelwise_correlation(maps["exemplar"][-1], maps["search"][-1])
        maps.setdefault("pixel", []).append(products)
    for hook in hooks:
        hook.remove()
    return maps


def _watched(model: BoxNet) -> dict[str, nn.Module]:
    """The modules whose outputs become bytes, or from which those are computed."""
    head = model.head
    watched: dict[str, nn.Module] = {
        "feature": model.backbone,
        "exemplar": head.of_exemplar,
        "search": head.of_search,
        "grid": head.to_grid,
        "correlated": head.correlated,
        "mixed": head.mix,
    }
    for name, tower in (("place", head.place), ("size", head.size)):
        for number, separable in enumerate(tower.children()):
            watched[f"{name}{2 * number}"] = list(separable.children())[2]  # the first ReLU
            watched[f"{name}{2 * number + 1}"] = separable
    return watched


def _recorder(maps: Maps, name: str) -> Callable[..., None]:
    def record(module: nn.Module, inputs: Any, output: Tensor) -> None:
        maps.setdefault(name, []).append(output)

    return record


@torch.no_grad()
def _pack_head(head: BoxHead, maps: Maps) -> PackedHead:
    feature, correlated = (_steps(maps[name], signed=True) for name in ("feature", "correlated"))
    pixel, search, grid, mixed = (_steps(maps[n]) for n in ("pixel", "search", "grid", "mixed"))
    joined = np.concatenate([grid, correlated])
    scale, shift = _affine(head.correlated)
    return PackedHead(
        feature_step=float(feature[0]),
        pixel_scale=float(search[0] / pixel[0] / len(search)),
        of_exemplar=_fold(head.of_exemplar, feature, np.ones(len(search)), centred=len(feature)),
        of_search=_fold(head.of_search, feature, search, centred=len(feature)),
        gate=_floats(head.gate.weight),
        gate_bias=_floats(head.gate.bias),
        to_grid=_fold(head.to_grid, np.concatenate([pixel, search]), grid),
        correlated_scale=(scale * search / correlated).astype(np.float32),
        correlated_bias=(shift / correlated + CENTRE).astype(np.float32),
        mix=_fold(head.mix, joined, mixed, centred=len(correlated)),
        beside=_beside(head.mix, len(joined), mixed),
        place=_tower("place", head.place, head.place_maps, mixed, maps),
        size=_tower("size", head.size, head.box_codes, mixed, maps),
    )


def _tower(name: str, tower: nn.Sequential, answer: nn.Conv2d, steps: Doubles, maps: Maps) -> Tower:
    layers: list[HeadLayer] = []
    for number, separable in enumerate(tower.children()):
        parts = list(separable.children())
        for half, part in enumerate((parts[:3], parts[3:])):
            index = 2 * number + half
            last = index == 3  # which gives reals
            given = np.ones(len(steps)) if last else _steps(maps[f"{name}{index}"])
            layers.append(_fold(nn.Sequential(*part), steps, given))
            steps = given
    first, second, third, fourth = layers
    return Tower(
        (first, second, third, fourth), _floats(answer.weight[:, :, 0, 0]), _floats(answer.bias)
    )


def _fold(layer: nn.Sequential, reads: Doubles, gives: Doubles, centred: int = 0) -> HeadLayer:
    """Rounds a convolution, 1x1 or depth-wise, and folds its batch norm.

    Args:
        layer: The convolution, the batch norm, and anything after them.
        reads: The steps of what it reads. A 1x1 convolution can have more inputs, which are left
            out here.
        gives: The steps of what it gives.
        centred: How many of the inputs, the last ones, have 128 for 0.
    """
    conv, (scale, shift) = _conv(layer), _affine(layer[1])
    weights = conv.weight.double().numpy() * scale[:, None, None, None]
    if conv.groups == 1:
        exact = weights[:, : len(reads), 0, 0] * reads
    else:
        exact = weights[:, 0] * reads[:, None, None]
    rows = exact.reshape(len(exact), -1)
    unit = np.abs(rows).max(axis=1) / 127
    unit[unit == 0] = 1
    rounded = np.rint(rows / unit[:, None])
    if centred:
        shift = shift - CENTRE * unit * rounded[:, -centred:].sum(axis=1)
    return HeadLayer(
        rounded.reshape(exact.shape).astype(np.int8),
        (unit / gives).astype(np.float32),
        (shift / gives).astype(np.float32),
    )


def _beside(layer: nn.Sequential, inputs: int, gives: Doubles) -> Floats:
    """The weights of a 1x1 layer for the inputs after the first so many, which stay floats."""
    weights = _conv(layer).weight[:, inputs:, 0, 0].double().numpy()
    return (weights * (_affine(layer[1])[0] / gives)[:, None]).astype(np.float32)


def _conv(layer: nn.Sequential) -> nn.Conv2d:
    conv = layer[0]
    assert isinstance(conv, nn.Conv2d)
    return conv


def _affine(norm: nn.Module) -> tuple[Doubles, Doubles]:
    """A batch norm as v -> scale v + shift, (C,) each."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale.numpy(), (norm.bias.double() - norm.running_mean.double() * scale).numpy()


def _floats(values: Tensor | None) -> Floats:
    assert values is not None
    return values.detach().float().numpy().copy()


def _steps(maps: list[Tensor], signed: bool = False) -> Doubles:
    """Finds the step of a map, and gives it for each channel, (C,).

    Args:
        maps: Examples of the map, (1, C, h, w) each.
        signed: Whether values can be negative. They become -128 to 127, otherwise 0 to 255.
    """
    values = torch.cat([one.flatten() for one in maps]).abs()
    most, largest = 127 if signed else 255, float(values.max())

    def error(top: float) -> float:
        beyond = (values - top).clamp_(min=0)
        return (top / most) ** 3 / 32 + float((beyond * beyond * beyond).mean())

    step = min((largest * share for share in SHARES), key=error) / most
    return np.full(maps[0].shape[1], step or 1.0)
