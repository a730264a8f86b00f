"""Reads the bytes of a packed file, and refuses what breaks a rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Refused(Exception):
    """A file is refused. The message is the reason, to be put after the file's name."""


def require(condition: bool, reason: str) -> None:
    """Refuses the file, for this reason, unless the condition holds."""
    if not condition:
        raise Refused(reason)


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
