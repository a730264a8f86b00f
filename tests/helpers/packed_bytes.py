"""What the tests of packed files do with their bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from rbsf.errors import InputError


def u32(value: int) -> bytes:
    """The four bytes of an integer."""
    return struct.pack("<I", value)


def refusal_by(read: Callable[[bytes, str], object], data: bytes) -> str:
    """The one line with which a reader refuses the content of my.rbsf."""
    with pytest.raises(InputError) as caught:
        read(data, "my.rbsf")
    message = str(caught.value)
    assert message.startswith("my.rbsf ") and "\n" not in message
    return message


def flipped_bits(data: bytes) -> Iterator[bytes]:
    """The same bytes with one bit flipped, for each bit."""
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)
