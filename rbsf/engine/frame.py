"""What every packed file begins with: the magic number, the version, the checksum and the size.

All numbers are little-endian.

    at  bytes
     0      8  89 52 42 53 46 0D 0A 1A (\\x89RBSF\\r\\n\\x1a, which a transfer as text would change)
     8      4  u32 version
    12      4  u32 CRC-32 (zlib's) of everything from byte 16 to the end
    16      8  u64 size of the whole file
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.reading import Reader, Refused, require

MAGIC = b"\x89RBSF\r\n\x1a"
NEWEST = 4
"""The newest version. Versions 1 to 3 are trackers' networks, version 4 is a classifier."""
CLASSIFIER_VERSION = 4
MOST_METADATA = 65536
"""The greatest size of the metadata, in bytes."""

_FRAME = struct.Struct("<8sIIQ")
_CHECKED = 16
"""The checksum covers everything from this byte on."""


def seal(version: int, content: bytes) -> bytes:
    """Makes a file from its content: puts what every file begins with in front of it."""
    size = _FRAME.size + len(content)
    crc = zlib.crc32(size.to_bytes(8, "little") + content)
    return _FRAME.pack(MAGIC, version, crc, size) + content


def open_frame(data: bytes) -> tuple[int, Reader]:
    """Verifies what a file begins with.

    Returns:
        The version, and a reader that stands in front of the content.

    Raises:
        Refused: The data is not a packed file, is truncated or altered, or has a newer version.
    """
    reader = Reader(data)
    require(data[:8] == MAGIC[: len(data[:8])] and len(data) > 0, "is not a packed RB-SF file")
    require(len(data) >= _FRAME.size, f"is truncated: {len(data)} bytes are less than a header")
    _, version, crc, size = _FRAME.unpack(reader.take(_FRAME.size))
    require(
        version <= NEWEST,
        f"has version {version}, but this rbsf reads only up to {NEWEST}: update rbsf",
    )
    require(version >= 1, f"is damaged: there is no version {version}")
    require(
        size <= len(data),
        f"is truncated: it has {len(data)} of {size} bytes; download it again",
    )
    require(size == len(data), f"is damaged: {len(data) - size} bytes follow its end")
    require(
        zlib.crc32(data[_CHECKED:]) == crc,
        "is damaged: its checksum does not match; download it again",
    )
    return version, reader


def is_packed_classifier(file: Path) -> bool:
    """Whether a file begins as a packed classifier; False if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            start = stream.read(12)
    except OSError:
        return False  # what is wrong is said when it is read
    return start == MAGIC + CLASSIFIER_VERSION.to_bytes(4, "little")


def metadata_bytes(metadata: dict[str, Any]) -> bytes:
    """Gives the bytes of metadata in a file: a JSON object in UTF-8."""
    return json.dumps(metadata, sort_keys=True, ensure_ascii=False).encode()


def read_metadata(text: bytes) -> dict[str, Any]:
    """Reads what `metadata_bytes` gave.

    Raises:
        Refused: It is not a JSON object.
    """
    reason = "is damaged: its metadata is not a JSON object"
    try:
        metadata = json.loads(text.decode())
        json.dumps(metadata, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Refused(reason) from None
    require(isinstance(metadata, dict), reason)
    return dict(metadata)


def check_metadata_size(size: int) -> None:
    """Refuses metadata that is too long."""
    require(
        size <= MOST_METADATA,
        f"has {size} bytes of metadata: at most {MOST_METADATA} are allowed",
    )


def pack_bits(rows: NDArray[np.bool_]) -> bytes:
    """Packs rows of bits (n, m) so that each starts on a byte; the inverse of `Reader.bits`."""
    return np.packbits(rows, axis=1, bitorder="little").tobytes()
