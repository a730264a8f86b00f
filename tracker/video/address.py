"""What the name of a source stands for: a file, a network address, or standard input."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from rbsf.errors import InputError

STANDARD_INPUT = "-"

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp")
"""The schemes of addresses that are always live."""
SCHEMES = (*LIVE_SCHEMES, "http", "https", "tcp", "ftp")
"""The schemes of all addresses that are opened. FFmpeg knows others that wrap local files, and a
file under such a name could not be told from the output that would overwrite it."""

_ADDRESS = re.compile(r"([A-Za-z][\w+.-]*)://(.*)", re.DOTALL)


def scheme_of(name: str) -> str:
    """Returns the scheme of a network address, in lower case, or "" for any other name.

    Raises:
        InputError: The name is an address of a scheme that is not opened.
    """
    found = _ADDRESS.fullmatch(name)
    if not found or found[1].lower() == "file":
        return ""
    if found[1].lower() not in SCHEMES:
        raise InputError(
            f"cannot open {shown(name)}: it must be a file or begin with one of "
            f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}"
        )
    return found[1].lower()


def file_of(name: str) -> Path:
    """Returns the file that a name means, which may be spelled as a `file:` address."""
    if not name.lower().startswith("file:"):
        return Path(name)
    path = re.sub(r"^//(localhost)?(?=/)", "", name[len("file:") :])
    return Path(path) if Path(path).exists() else Path(unquote(path))


def identity(name: str) -> tuple[int, int] | None:
    """Returns the device and inode of the file that a source reads, however its name is spelled.

    None means that it reads no file that is there.
    """
    try:
        found = os.fstat(0) if name == STANDARD_INPUT else os.stat(file_of(name))
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def shown(name: str) -> str:
    """Returns a name as messages and files may show it: without user, password and query.

    A password may itself hold `@`, `/` or `?`. So everything up to the last `@` is hidden, and more
    rather than less where it is not certain what belongs to a secret.
    """
    found = _ADDRESS.search(name)
    if not found:
        return name
    before, address = name[: found.start(2)], found[2]
    secret, at, rest = address.rpartition("@")
    if at and re.search(r"[?#]", secret):  # a query with an @, or a password with a question mark
        return f"{before}***"
    plain = re.split(r"[?#]", rest, maxsplit=1)
    return before + "***@" * bool(at) + plain[0] + "?***" * (len(plain) > 1)
