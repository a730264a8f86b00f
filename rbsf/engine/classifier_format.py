"""The packed file `.rbsf`, version 4: a classifier, its bytes one by one, and how to read it.

All numbers are little-endian. The file begins as every packed file, see `rbsf.engine.frame`:

     0     24  magic, version 4, checksum and size
    24      4  u32 M, bytes of metadata, at most 65536
    28      4  u32 U, number of units, 1 to 256
    32      4  u32 classes, 1 to 65536
    36      M  metadata: a JSON object in UTF-8

The stem follows:

     0      4  u8 pool: 1 if a 3x3 max-pool of stride 2 follows, padded by 1, else 0; u8 border[3]
     4     12  u32 outputs, u32 kernel, u32 stride
    16         s8 weights [outputs][kernel][kernel][3], -127 to 127, in the order R, G, B
               f32 scale [outputs], f32 bias [outputs]

Then the U units, one after the other:

     0      4  u8 border: 0 minus, 1 plus, 2 zero; u8 source: 0 none, 1 own, 2 before;
               u8 change: 0 none, 1 strided, 2 pooled; u8 0
     4     16  u32 inputs, u32 outputs, u32 kernel, u32 stride
    20         f32 thresholds [inputs], any but NaN; flips [inputs], a bit each, in
               ceil(inputs / 8) bytes
               weights: for each output the bits [kernel][kernel][inputs], 1 for +1 and 0 for -1
               f32 scale [outputs], f32 bias [outputs]
               where change is not 0: f32 shortcut [shortcut inputs][outputs], f32 bias [outputs]

Bits are packed as in version 1: the lowest first, each row on a byte of its own, unused bits 0.
Then the last layer, with which the file ends:

     0      4  u32 rectified: 0 or 1
     4         where it is 1: f32 scale [channels], f32 bias [channels]
               f32 weights [channels][classes], f32 bias [classes]

What it means. Kernels are square with an odd side, and every map is padded by half of it, so n
rows become ceil(n / stride). Maps are real. The stem gives S * scale + bias, where S is the sum of
weight times pixel, and the pixels around the image are `border`. A unit computes

    a = [x >= threshold] xor flip, as +1 or -1, for each channel of its input
    S = sum w a, where a is -1, +1 or 0 around the map, as `border` says
    y = (S * scale + bias) + shortcut

Its shortcut is 0, its own input, or the input of the unit before it. It stays as it is, or passes a
real 1x1 convolution, whose stride is that of the units which it leads around: `strided` takes each
stride-th pixel, `pooled` the mean of stride x stride pixels, as far as they lie on the map. The
logits are weights * mean + bias, where the mean of the last map x, or of max(0, x * scale + bias)
where `rectified` is 1, is taken over all pixels.

S is exact. All else is rounded to float32 after each operation.

A file that breaks one of these rules is refused:

- Each unit has as many inputs as the map before it has channels. The first has no unit before it.
- A shortcut without change has the shape of the unit's output.
- The kernel is odd and 1 to 15, the stride 1 to 4, each number of channels 1 to 4096. A sum of a
  unit has at most 32768 terms. Every float but a threshold is finite.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
from rbsf.engine.reading import Reader, Refused, file_content, require, require_rule
from rbsf.errors import InputError
from rbsf.files.atomic import write_bytes

Floats = NDArray[np.float32]
Border = Literal["minus", "plus", "zero"]
Source = Literal["none", "own", "before"]
Change = Literal["none", "strided", "pooled"]

MOST_UNITS, MOST_CLASSES, MOST_CHANNELS = 256, 65536, 4096
MOST_KERNEL, MOST_STRIDE, MOST_TERMS = 15, 4, 32768

_BORDERS: tuple[Border, ...] = ("minus", "plus", "zero")
_SOURCES: tuple[Source, ...] = ("none", "own", "before")
_CHANGES: tuple[Change, ...] = ("none", "strided", "pooled")
_COUNTS = struct.Struct("<3I")
_STEM = struct.Struct("<4B3I")
_UNIT = struct.Struct("<4B4I")


@dataclass(frozen=True, eq=False)
class PackedStem:
    """The first convolution: `weights` (outputs, 3, kernel, kernel), on pixels from 0 to 255."""

    stride: int
    pool: bool
    border: tuple[int, int, int]
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats


@dataclass(frozen=True, eq=False)
class PackedUnit:
    """One binary convolution and its shortcut.

    `weights` has the shape (outputs, inputs, kernel, kernel) and the values +1 and -1. `shortcut`
    has the shape (shortcut inputs, outputs), and is None where the shortcut stays as it is.
    """

    stride: int
    border: Border
    source: Source
    change: Change
    thresholds: Floats
    flips: NDArray[np.bool_]
    weights: NDArray[np.int8]
    scale: Floats
    bias: Floats
    shortcut: Floats | None = None
    shortcut_bias: Floats | None = None

    @property
    def inputs(self) -> int:
        """The channels of its input."""
        return self.weights.shape[1]

    @property
    def outputs(self) -> int:
        """The channels of its output."""
        return self.weights.shape[0]

    @property
    def kernel(self) -> int:
        """The rows of a filter."""
        return self.weights.shape[2]


@dataclass(frozen=True, eq=False)
class PackedClassifier:
    """A whole classifier. `last_scale` and `last_bias` are None where `rectified` is 0."""

    stem: PackedStem
    units: tuple[PackedUnit, ...]
    weights: Floats
    bias: Floats
    metadata: dict[str, Any]
    last_scale: Floats | None = None
    last_bias: Floats | None = None


def write_classifier(path: str | Path, network: PackedClassifier) -> None:
    """Writes a packed file. If the process is killed, the old or the new file is there, whole.

    Raises:
        InputError: The network breaks a rule of the format, or the file cannot be written.
    """
    write_bytes(Path(path), classifier_bytes(network))


def classifier_bytes(network: PackedClassifier) -> bytes:
    """Gives the content of a classifier's packed file.

    Raises:
        InputError: The network breaks a rule of the format.
    """
    metadata = metadata_bytes(network.metadata)
    counts = _COUNTS.pack(len(metadata), len(network.units), len(network.bias))
    last = [] if network.last_scale is None else [network.last_scale, network.last_bias]
    parts = [counts, metadata, stem_bytes(network.stem), *map(unit_bytes, network.units)]
    parts += [struct.pack("<I", bool(last)), _floats(*last, network.weights, network.bias)]
    data = seal(CLASSIFIER_VERSION, b"".join(parts))
    parse_classifier(data, "this network")  # never write a file that could not be read
    return data


def stem_bytes(stem: PackedStem) -> bytes:
    """Gives the bytes of the stem in the file."""
    outputs, kernel = len(stem.weights), stem.weights.shape[2]
    record = _STEM.pack(stem.pool, *stem.border, outputs, kernel, stem.stride)
    weights = stem.weights.transpose(0, 2, 3, 1).astype("<i1").tobytes()
    return record + weights + _floats(stem.scale, stem.bias)


def unit_bytes(unit: PackedUnit) -> bytes:
    """Gives the bytes of a unit in the file."""
    kinds = (_BORDERS.index(unit.border), _SOURCES.index(unit.source), _CHANGES.index(unit.change))
    shortcut = [] if unit.shortcut is None else [unit.shortcut, unit.shortcut_bias]
    rows = unit.weights.transpose(0, 2, 3, 1).reshape(unit.outputs, -1)
    return b"".join(
        [
            _UNIT.pack(*kinds, 0, unit.inputs, unit.outputs, unit.kernel, unit.stride),
            _floats(unit.thresholds),
            pack_bits(unit.flips[None]),
            pack_bits(rows > 0),
            _floats(unit.scale, unit.bias, *shortcut),
        ]
    )


def _floats(*arrays: Floats | None) -> bytes:
    return b"".join(array.astype("<f4").tobytes() for array in arrays if array is not None)


def read_classifier(path: str | Path) -> PackedClassifier:
    """Reads a packed classifier.

    Raises:
        InputError: The file cannot be read, or it is refused as by `parse_classifier`.
    """
    return parse_classifier(file_content(path), str(path))


def parse_classifier(data: bytes, name: str) -> PackedClassifier:
    """Reads a classifier from the content of a packed file.

    Args:
        data: The content.
        name: The name of the file; error messages begin with it.

    Raises:
        InputError: The data is not a packed classifier, is truncated or damaged, or breaks a rule
            of the format.
    """
    try:
        version, reader = open_frame(data)
        require(version == CLASSIFIER_VERSION, "holds no classifier, but a tracker's network")
        return _parse(reader)
    except Refused as refused:
        raise InputError(f"{name} {refused}") from None


def _parse(reader: Reader) -> PackedClassifier:
    text_size, count, classes = _COUNTS.unpack(reader.take(_COUNTS.size))
    check_metadata_size(text_size)
    _check("the network", {"units": (count, MOST_UNITS), "classes": (classes, MOST_CLASSES)})
    metadata = read_metadata(reader.take(text_size))
    stem = _stem(reader)
    units: list[PackedUnit] = []
    for number in range(1, count + 1):
        units.append(_unit(reader, f"unit {number}", units, len(stem.weights)))
    (rectified,) = struct.unpack("<I", reader.take(4))
    require_rule(rectified <= 1, "the last layer has an unknown kind")
    channels = units[-1].outputs
    last = [_finite(reader, "the last layer", channels) for _ in range(2 * rectified)]
    weights = _finite(reader, "the last layer", channels, classes)
    bias = _finite(reader, "the last layer", classes)
    require(not reader.left, f"is damaged: {reader.left} bytes follow its last layer")
    return PackedClassifier(stem, tuple(units), weights, bias, metadata, *last)


def _check(name: str, sizes: dict[str, tuple[int, int]]) -> None:
    """Refuses sizes below 1 and above the greatest that is allowed."""
    for what, (value, most) in sizes.items():
        require_rule(1 <= value <= most, f"{name} has {what} {value}, not 1 to {most}")


def _check_window(name: str, outputs: int, kernel: int, stride: int) -> None:
    sizes = {"outputs": (outputs, MOST_CHANNELS), "kernel": (kernel, MOST_KERNEL)}
    _check(name, {**sizes, "stride": (stride, MOST_STRIDE)})
    require_rule(kernel % 2 == 1, f"{name} has kernel {kernel}, not odd")


def _finite(reader: Reader, name: str, *shape: int) -> Floats:
    values = reader.array("<f4", math.prod(shape)).reshape(shape)
    require(bool(np.isfinite(values).all()), f"is damaged: {name} has a number that is not finite")
    return values


def _stem(reader: Reader) -> PackedStem:
    name = "the stem"
    pool, *border, outputs, kernel, stride = _STEM.unpack(reader.take(_STEM.size))
    require_rule(pool <= 1, f"{name} has an unknown kind")
    _check_window(name, outputs, kernel, stride)
    weights = reader.bytes_as_weights(name, outputs, kernel, kernel, 3)
    weights = np.ascontiguousarray(weights.transpose(0, 3, 1, 2))
    scale, bias = (_finite(reader, name, outputs) for _ in range(2))
    red, green, blue = border
    return PackedStem(stride, bool(pool), (red, green, blue), weights, scale, bias)


def _unit(reader: Reader, name: str, before: Sequence[PackedUnit], stem_outputs: int) -> PackedUnit:
    border, source, change, zero, *sizes = _UNIT.unpack(reader.take(_UNIT.size))
    inputs, outputs, kernel, stride = sizes
    known = max(border, source, change) <= 2 and zero == 0 and not (change and not source)
    require_rule(known, f"{name} has an unknown kind")
    expected = before[-1].outputs if before else stem_outputs
    require_rule(inputs == expected, f"{name} has {inputs} inputs, not {expected}")
    _check_window(name, outputs, kernel, stride)
    terms = kernel**2 * inputs
    require_rule(terms <= MOST_TERMS, f"{name} sums {terms} terms, more than {MOST_TERMS}")
    shortcut_inputs, total_stride = inputs, stride
    if _SOURCES[source] == "before":
        require_rule(bool(before), f"{name} has no unit before it")
        shortcut_inputs, total_stride = before[-1].inputs, stride * before[-1].stride
    require_rule(
        not source or bool(change) or (shortcut_inputs == outputs and total_stride == 1),
        f"{name} has a shortcut of another shape than its output",
    )
    thresholds = reader.array("<f4", inputs)
    require(not np.isnan(thresholds).any(), f"is damaged: {name} has a threshold that is no number")
    flips = reader.flips(inputs)
    signs = reader.bits_as_signs(outputs, terms)
    weights = signs.reshape(outputs, kernel, kernel, inputs).transpose(0, 3, 1, 2)
    scale, bias = (_finite(reader, name, outputs) for _ in range(2))
    shortcut = _finite(reader, name, shortcut_inputs, outputs) if change else None
    shortcut_bias = _finite(reader, name, outputs) if change else None
    return PackedUnit(
        stride,
        _BORDERS[border],
        _SOURCES[source],
        _CHANGES[change],
        thresholds,
        flips,
        np.ascontiguousarray(weights),
        scale,
        bias,
        shortcut,
        shortcut_bias,
    )
