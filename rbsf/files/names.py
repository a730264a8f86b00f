"""Names that files are found and written under."""

from __future__ import annotations

import os

from rbsf.errors import InputError

LONGEST_NAME = 255
"""In bytes, as most file systems have it."""


def plain_name(name: str, what: str) -> str:
    """The same name, if it names a file or folder directly below another one.

    Results are written to files of this name. With a separator in it, or as `..`, they would land
    outside of the output folder.

    Args:
        name: The name.
        what: What it is the name of, such as "a sequence".

    Raises:
        InputError: The name could lead elsewhere, or is too long for a file.
    """
    if name in {"", ".", ".."} or set(name) & set("/\\:\0"):
        raise InputError(f"{name!r} is refused as the name of {what}: it is a path")
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise InputError(f"{name[:40]!r}... is refused as the name of {what}: it is too long")
    return name
