"""Reads the bytes of a packed file, and refuses what breaks a rule."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError


class Refused(Exception):
    """A file is refused. The message is the reason, to be put after the file's name."""


def require(condition: bool, reason: str) -> None:
    """Refuses the file, for this reason, unless the condition holds."""
    if not condition:
        raise Refused(reason)


def require_rule(kept: bool, broken: str) -> None:
    """Refuses the file unless it keeps a rule of the format. `broken` says how it breaks it."""
    require(kept, f"breaks a rule of the format: {broken}")


def file_content(path: str | Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


class Reader:
    """Reads a file's content from front to back, and never beyond its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """Reads so many bytes."""
        require(size <= self.left, f"is damaged: it ends {size - self.left} bytes too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def array(self, kind: str, count: int) -> NDArray[Any]:
        """Reads `count` numbers of a little-endian numpy type, and gives them in native order."""
        stored = np.frombuffer(self.take(count * np.dtype(kind).itemsize), kind)
        return stored.astype(stored.dtype.newbyteorder("="))

    def bits(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """Reads rows of bits that each start on a byte: 0 and 1, (rows, columns)."""
        width = -(-columns // 8)
        packed = np.frombuffer(self.take(rows * width), np.uint8).reshape(rows, width)
        every = np.unpackbits(packed, axis=1, bitorder="little")
        require(not every[:, columns:].any(), "is damaged: unused bits are not 0")
        return every[:, :columns]

    def bytes_as_weights(self, name: str, *shape: int) -> NDArray[np.int8]:
        """Reads 8-bit weights, which are -127 to 127; `name` is whose they are, for the message."""
        weights: NDArray[np.int8] = self.array("<i1", math.prod(shape)).reshape(shape)
        require(int(weights.min()) >= -127, f"is damaged: {name} has a weight below -127")
        return weights

    def bits_as_signs(self, rows: int, columns: int) -> NDArray[np.int8]:
        """Reads 1-bit weights in rows as those of `bits`: 1 as +1 and 0 as -1, (rows, columns)."""
        return self.bits(rows, columns).astype(np.int8) * 2 - 1

    def flips(self, channels: int) -> NDArray[np.bool_]:
        """Reads whether the bit of each channel is flipped, (channels,)."""
        return self.bits(1, channels)[0].astype(bool)
