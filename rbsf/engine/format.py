"""The packed file `.rbsf`, versions 1 to 3: its bytes one by one, and how to read and write it.

These are trackers' networks. A classifier has version 4, see `rbsf.engine.classifier_format`. All
numbers are little-endian. This module does not need torch.

The file begins with a header:

    at  bytes
     0      8  89 52 42 53 46 0D 0A 1A (\\x89RBSF\\r\\n\\x1a, which a transfer as text would change)
     8      4  u32 version: 3 if a box head follows the layers, else 2 if a layer's output is
               levels, else 1
    12      4  u32 CRC-32 (zlib's) of everything from byte 16 to the end
    16      8  u64 size of the whole file
    24      4  f32 response gain, finite, > 0
    28      4  f32 response bias, finite
    32      4  u32 M, bytes of metadata, at most 65536
    36      4  u32 L, number of layers, 2 to 32
    40      M  metadata: a JSON object in UTF-8

The L layers follow, one after the other:

     0      1  u8 kind: 0 pixels (8-bit weights on 8-bit pixels), 1 binary (+-1 on bits or levels)
     1      1  u8 output: 0 bits, 1 real, 2 levels
     2      1  u8 pool: 1 if a 3x3 max-pool of stride 2 follows, else 0
     3      1  u8 0
     4     20  u32 inputs, u32 outputs, u32 kernel, u32 stride, u32 groups
    24         weights. pixels: s8 [outputs][kernel][kernel][inputs], -127 to 127, inputs in the
               order R, G, B. binary: for each output the bits [kernel][kernel][inputs / groups],
               1 for +1 and 0 for -1; element e is bit e % 8 (0 the lowest) of byte e / 8; each
               output starts on a byte, and the unused bits of its last byte are 0
               output bits: i32 thresholds [outputs]; flips [outputs], a bit each in the same
               order, ceil(outputs / 8) bytes, unused bits 0
               output levels: i32 thresholds [3][outputs], which do not fall from one step to the
               next; flips as for bits
               output real: f32 scale [outputs], f32 bias [outputs], finite

In version 3 the box head follows, see `rbsf.engine.packed_head`. Then the file ends. There is no
padding, neither between layers nor around maps.

What it means. With `w[output][ky][kx][input]`, a layer computes at each position

    pixels  S = sum w p          p the pixel, 0 to 255
    binary  S = sum w a          a = +-1 or a level; K = kernel^2 inputs/groups terms
    bits    a' = (OR over the pool's window of [S >= threshold]) xor flip;  +1 where it is 1
    levels  l = the number of the thresholds that S reaches, at most 3; the pool takes the maximum;
            a' = 3 - l where flip is 1, else l
    real    S * scale + bias, two float32 roundings (no fused multiply-add)

With bits, S = K - 2 popcount(w xor a). A level is 2 a1 + a0 in binary digits. With P the number of
the filter's weights that are +1,

    S = 3 P - 2 popcount(w xor a1) - popcount(w xor a0)

A file that breaks one of these rules is refused:

- The first layer reads pixels, and has 3 inputs and 1 group. All others are binary with stride 1.
- Only the last layer has real output. It has no pool.
- Each layer has as many inputs as the layer before it has outputs.
- The groups divide the inputs and the outputs.
- The kernel is 1 to 15, the stride 1 to 4, each number of channels 1 to 4096. K is at most 32768,
  and at most 16384 in a layer that reads levels.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.frame import (
    CLASSIFIER_VERSION,
    check_metadata_size,
    metadata_bytes,
    open_frame,
    pack_bits,
    read_metadata,
    seal,
)
from rbsf.engine.packed_head import LARGEST, PackedHead, head_bytes, read_head
from rbsf.engine.reading import Reader, Refused, file_content, require, require_rule
from rbsf.errors import InputError
from rbsf.files.atomic import write_bytes

HEAD_VERSION = 3
"""The version of a file with a box head."""
MOST_TERMS = {"pixels": 32768, "bits": 32768, "levels": 16384}
"""The greatest K of a layer that reads these."""
STEPS = 3
"""The steps from the lowest of the four levels to the highest."""

_HEADER = struct.Struct("<ffII")
_RECORD = struct.Struct("<4B5I")
_KINDS: tuple[Literal["pixels", "binary"], ...] = ("pixels", "binary")
_OUTPUTS: tuple[Literal["bits", "real", "levels"], ...] = ("bits", "real", "levels")


@dataclass(frozen=True, eq=False)
class PackedLayer:
    """One convolution, unpacked.

    `weights` has the shape (outputs, inputs / groups, kernel, kernel), and the values +1 and -1 in
    a binary layer. A layer with output bits has `thresholds` and `flips`, a layer with real output
    has `scale` and `bias`, each of shape (outputs,). The other two are None. A layer with output
    levels has `thresholds` of shape (3, outputs), ascending, and `flips`.
    """

    kind: Literal["pixels", "binary"]
    inputs: int
    outputs: int
    kernel: int
    stride: int
    groups: int
    pool: bool
    weights: NDArray[np.int8]
    thresholds: NDArray[np.int32] | None = None
    flips: NDArray[np.bool_] | None = None
    scale: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None

    @property
    def terms(self) -> int:
        """K, the number of products that are summed for one output."""
        return self.kernel**2 * self.inputs // self.groups

    @property
    def output(self) -> Literal["bits", "real", "levels"]:
        """What the layer gives: bits (+1 and -1), levels (0 to 3), or real numbers."""
        if self.thresholds is None:
            return "real"
        return "levels" if self.thresholds.ndim == 2 else "bits"


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """A whole network. Its responses are response_gain * correlation + response_bias.

    `head` is the box head, or None in a network that only embeds.
    """

    layers: tuple[PackedLayer, ...]
    response_gain: float
    response_bias: float
    metadata: dict[str, Any]
    head: PackedHead | None = None

    @property
    def version(self) -> int:
        """The version of its file: the least that can hold it."""
        if self.head is not None:
            return 3
        return 2 if any(layer.output == "levels" for layer in self.layers) else 1


def write_packed(path: str | Path, network: PackedNetwork) -> None:
    """Writes a packed file. If the process is killed, the old or the new file is there, whole.

    Raises:
        InputError: The network breaks a rule of the format, or the file cannot be written.
    """
    write_bytes(Path(path), to_bytes(network))


def read_packed(path: str | Path) -> PackedNetwork:
    """Reads a packed file.

    Raises:
        InputError: The file cannot be read, or it is refused as by `from_bytes`.
    """
    return from_bytes(file_content(path), str(path))


def to_bytes(network: PackedNetwork) -> bytes:
    """Gives the content of a network's packed file.

    Raises:
        InputError: The network breaks a rule of the format.
    """
    metadata = metadata_bytes(network.metadata)
    head = b"" if network.head is None else head_bytes(network.head)
    gain, bias = network.response_gain, network.response_bias
    header = _HEADER.pack(gain, bias, len(metadata), len(network.layers))
    content = b"".join([header, metadata, *map(layer_bytes, network.layers), head])
    data = seal(network.version, content)
    from_bytes(data, "this network")  # never write a file that could not be read
    return data


def from_bytes(data: bytes, name: str) -> PackedNetwork:
    """Reads a network from the content of a packed file.

    Args:
        data: The content.
        name: The name of the file; error messages begin with it.

    Raises:
        InputError: The data is not a packed file, is truncated or damaged, has a newer version, or
            breaks a rule of the format.
    """
    try:
        return _parse(*open_frame(data))
    except Refused as refused:
        raise InputError(f"{name} {refused}") from None


def _parse(version: int, reader: Reader) -> PackedNetwork:
    require(version != CLASSIFIER_VERSION, "holds a classifier, not a tracker's network")
    gain, bias, text_size, count = _HEADER.unpack(reader.take(_HEADER.size))
    require(math.isfinite(gain) and gain > 0, f"has response gain {gain:g}: it must be positive")
    require(math.isfinite(bias), f"has response bias {bias:g}: it must be finite")
    check_metadata_size(text_size)
    require(2 <= count <= 32, f"has {count} layers: 2 to 32 are allowed")
    metadata = read_metadata(reader.take(text_size))
    layers: list[PackedLayer] = []
    for number in range(count):
        layers.append(_layer(reader, f"layer {number + 1}", layers, number == count - 1))
    head = None
    if version == HEAD_VERSION:
        in_reach = 1 / LARGEST <= gain <= LARGEST and abs(bias) <= LARGEST
        require(in_reach, "is damaged: the gain or bias of its response is out of range")
        head = read_head(reader, layers[-1].outputs)
    require(not reader.left, f"is damaged: {reader.left} bytes follow its last layer")
    network = PackedNetwork(tuple(layers), gain, bias, metadata, head)
    require(
        version == network.version,
        f"is damaged: it has version {version}, but its layers make version {network.version}",
    )
    return network


class _Record(NamedTuple):
    """The first 24 bytes of a layer."""

    kind: int
    output: int
    pool: int
    zero: int
    inputs: int
    outputs: int
    kernel: int
    stride: int
    groups: int

    @property
    def terms(self) -> int:
        return self.kernel**2 * self.inputs // self.groups

    def check(self, name: str, before: PackedLayer | None, last: bool) -> None:
        """Refuses a record that breaks a rule, before anything of the sizes in it is read.

        Args:
            name: The name of the layer in messages.
            before: The layer before this one; None if this is the first.
            last: Whether this is the last layer.
        """
        first, expected = before is None, before.outputs if before else 3
        k, channels = _KINDS[not first], f"{self.inputs} inputs and {self.outputs} outputs"
        rules = {
            "has an unknown kind": max(self.kind, self.pool) <= 1
            and self.output < len(_OUTPUTS)
            and self.zero == 0,
            f"must be {k}": self.kind == (not first),
            f"must give {'reals' if last else 'bits or levels'}": (
                (_OUTPUTS[self.output % len(_OUTPUTS)] == "real") == last
            ),
            "is the last and must not have a pool": not (last and self.pool),
            f"has kernel {self.kernel}, not 1 to 15": 1 <= self.kernel <= 15,
            f"has stride {self.stride}, not 1 to 4": 1 <= self.stride <= 4,
            f"is binary and has stride {self.stride}, not 1": first or self.stride == 1,
            f"has {channels}, not 1 to 4096": (
                min(self.inputs, self.outputs) >= 1 and max(self.inputs, self.outputs) <= 4096
            ),
            f"has {self.inputs} inputs, not {expected}": self.inputs == expected,
            f"has {self.groups} groups, which do not divide {channels}": self.groups > 0
            and self.inputs % self.groups == self.outputs % self.groups == 0,
            f"reads pixels and has {self.groups} groups, not 1": not first or self.groups == 1,
        }
        for broken, kept in rules.items():
            require_rule(kept, f"{name} {broken}")
        reads = before.output if before else "pixels"
        most = MOST_TERMS[reads]
        require_rule(
            self.terms <= most, f"{name} sums {self.terms} terms on {reads}, more than {most}"
        )


def _layer(reader: Reader, name: str, before: list[PackedLayer], last: bool) -> PackedLayer:
    record = _Record(*_RECORD.unpack(reader.take(_RECORD.size)))
    record.check(name, before[-1] if before else None, last)
    outputs, terms, kernel = record.outputs, record.terms, record.kernel
    if record.kind:
        weights = reader.bits_as_signs(outputs, terms)
    else:
        weights = reader.bytes_as_weights(name, outputs, terms)
    weights = weights.reshape(outputs, kernel, kernel, -1).transpose(0, 3, 1, 2)
    thresholds = flips = scale = bias = None
    if last:
        scale, bias = reader.array("<f4", outputs), reader.array("<f4", outputs)
        finite = bool(np.isfinite(scale).all() and np.isfinite(bias).all())
        require(finite, f"is damaged: {name} has a scale or bias that is not finite")
    else:
        levels = _OUTPUTS[record.output] == "levels"
        shape = (STEPS, outputs) if levels else (outputs,)
        thresholds = reader.array("<i4", math.prod(shape)).reshape(shape)
        ascend = not levels or bool((thresholds[1:] >= thresholds[:-1]).all())
        require(ascend, f"is damaged: {name} has thresholds that do not ascend")
        flips = reader.flips(outputs)
    return PackedLayer(
        _KINDS[record.kind],
        *record[4:],
        bool(record.pool),
        np.ascontiguousarray(weights),
        thresholds,
        flips,
        scale,
        bias,
    )


def layer_bytes(layer: PackedLayer) -> bytes:
    """Gives the bytes of a layer in the file, with its record first."""
    kind, output = _KINDS.index(layer.kind), _OUTPUTS.index(layer.output)
    shape = (layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.groups)
    parts = [_RECORD.pack(kind, output, layer.pool, 0, *shape)]
    rows = layer.weights.transpose(0, 2, 3, 1).reshape(layer.outputs, -1)
    parts.append(pack_bits(rows > 0) if kind else rows.astype("<i1").tobytes())
    if layer.thresholds is not None and layer.flips is not None:
        parts += [layer.thresholds.astype("<i4").tobytes(), pack_bits(layer.flips[None])]
    if layer.scale is not None and layer.bias is not None:
        parts += [layer.scale.astype("<f4").tobytes(), layer.bias.astype("<f4").tobytes()]
    return b"".join(parts)
