"""The box head in 8 bits: its numbers, and how they lie in a packed file.

`rbsf.nn.box_head` says what the head computes, and `rbsf.engine.pack_head` how it becomes these
numbers. `rbsf.engine.integer_head` runs it step by step, and src/head.cpp runs it fast.

A map in the head holds bytes, and a byte q stands for q steps. A layer has 8-bit weights. It turns
the bytes that it reads into a 32-bit sum S, and S into

    v = S * scale + bias,    in float32, two roundings, no fused multiply-add

A layer inside the head gives the byte round(v), rounded half to even and clamped to 0..255. So its
scale and bias count in steps of what it gives, and the clamp at 0 is its ReLU. What can be negative
has 128 in its bias: the features of the backbone, which are step * (q - 128), and the depth-wise
correlation. The layers that read these take 128 times their weights from their bias.

The head follows the last layer in the file, which then has version 3:

    u32 C             the number of channels, 1 to 1024
    f32 feature step  the step of the backbone's features
    f32 pixel scale   turns a sum of products of exemplar and search into steps of their mean
    of exemplar       layer s8 [C][F], F the channels of the features, 1 to 1024
    of search         layer s8 [C][F]
    gate              f32 [C][C], f32 bias [C]
    to grid           layer s8 [36 + C][6][6]
    correlated        f32 scale [C], f32 bias [C]
    mix               layer s8 [C][36 + 2 C], then f32 beside [C][3]
    place             layers s8 [C][5][5], [C][C], [C][5][5], [C][C]; f32 [2][C], f32 bias [2]
    size              layers s8 [C][5][5], [C][C], [C][5][5], [C][C]; f32 [4][C], f32 bias [4]

A layer is its weights, -127 to 127, then f32 scale and f32 bias, one each for an output. All floats
are finite and at most 2^20 in magnitude. The feature step is at least 2^-20. So is the response
gain of a file with a head, and it is at most 2^20 too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.reading import Reader, require

CELLS = 6
"""The side of the exemplar's feature, in cells."""
TOWER_KERNEL = 5
"""The side of the depth-wise kernels in the towers."""
MOST_CHANNELS = 1024
"""The most channels of features and head. More could overflow the 32-bit sum of a response."""
LARGEST = 2.0**20
"""The largest magnitude of a float, and the inverse of the smallest step."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeadLayer:
    """A layer with 8-bit weights.

    `weights` has the shape (outputs, inputs), or (channels, k, k) if the layer is depth-wise.
    `scale` and `bias` have the shape (outputs,).
    """

    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class Tower:
    """Two depth-wise layers, each before a 1x1 layer, and the answers from what the last gives.

    The last layer gives max(v, 0) in float32, not bytes. `answer` is (maps, C) and `answer_bias` is
    (maps,).
    """

    layers: tuple[HeadLayer, HeadLayer, HeadLayer, HeadLayer]
    answer: Floats
    answer_bias: Floats


@dataclass(frozen=True, eq=False)
class PackedHead:
    """The whole head, in the order of the file."""

    feature_step: float
    """A feature is feature_step * (q - 128)."""
    pixel_scale: float
    """The step of the search's map, divided by that of the pixel-wise correlation and by C."""
    of_exemplar: HeadLayer
    """This layer gives max(v, 0) in float32, not bytes."""
    of_search: HeadLayer
    gate: Floats
    """The weights of the gate, (C, C)."""
    gate_bias: Floats
    to_grid: HeadLayer
    """The depth-wise layer on the pixel-wise correlation and, behind that, on the search's map. The
    gate multiplies the scales of the latter."""
    correlated_scale: Floats
    """Turns the sums of the depth-wise correlation into steps, together with the unit of each
    channel of the exemplar, (C,)."""
    correlated_bias: Floats
    mix: HeadLayer
    beside: Floats
    """The weights in `mix` of the response and of the logarithms of the believed width and height,
    (C, 3). Their products are added to the bias."""
    place: Tower
    size: Tower

    @property
    def channels(self) -> int:
        """The number of channels, C."""
        return len(self.gate)


def head_bytes(head: PackedHead) -> bytes:
    """Gives the bytes of a head in the file."""
    return b"".join([head.channels.to_bytes(4, "little"), *map(_stored, _flat(head))])


def read_head(reader: Reader, features: int) -> PackedHead:
    """Reads a head.

    Args:
        reader: What stands at the head's first byte.
        features: The channels of the features.

    Raises:
        Refused: The head breaks a rule of the format.
    """
    c = int(reader.array("<u4", 1)[0])
    require(
        max(features, c) <= MOST_CHANNELS and c >= 1,
        f"breaks a rule of the format: its head has {c} channels on {features} features, "
        f"not 1 to {MOST_CHANNELS}",
    )
    parts = _Parts(reader)
    return PackedHead(
        feature_step=parts.step(),
        pixel_scale=float(parts.floats(1)[0]),
        of_exemplar=parts.layer(c, features),
        of_search=parts.layer(c, features),
        gate=parts.floats(c, c),
        gate_bias=parts.floats(c),
        to_grid=parts.layer(CELLS**2 + c, CELLS, CELLS),
        correlated_scale=parts.floats(c),
        correlated_bias=parts.floats(c),
        mix=parts.layer(c, CELLS**2 + 2 * c),
        beside=parts.floats(c, 3),
        place=parts.tower(c, 2),
        size=parts.tower(c, 4),
    )


class _Parts:
    """Reads the parts of a head and checks their numbers."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def floats(self, *shape: int) -> Floats:
        values = self.reader.array("<f4", int(np.prod(shape))).reshape(shape)
        small = bool((np.abs(values) <= LARGEST).all())  # NaN is not
        require(small, "is damaged: a number of its head is not finite or too large")
        return values

    def step(self) -> float:
        value = float(self.floats(1)[0])
        require(value >= 1 / LARGEST, "is damaged: a step of its head is too small")
        return value

    def layer(self, *shape: int) -> HeadLayer:
        weights = self.reader.bytes_as_weights("its head", *shape)
        return HeadLayer(weights, self.floats(shape[0]), self.floats(shape[0]))

    def tower(self, c: int, maps: int) -> Tower:
        k = TOWER_KERNEL
        layers = [self.layer(*shape) for shape in ((c, k, k), (c, c), (c, k, k), (c, c))]
        return Tower((layers[0], *layers[1:]), self.floats(maps, c), self.floats(maps))  # type: ignore[arg-type]


def _flat(part: Any) -> Iterator[Any]:
    """Yields the numbers and arrays of a part, in the order of its attributes."""
    if isinstance(part, (PackedHead, HeadLayer, Tower)):
        for field in fields(part):
            yield from _flat(getattr(part, field.name))
    elif isinstance(part, tuple):
        for one in part:
            yield from _flat(one)
    else:
        yield part


def _stored(value: Any) -> bytes:
    array = np.asarray(value)
    return array.astype("<i1" if array.dtype == np.int8 else "<f4").tobytes()
