"""Checks that an output can be written, before the work begins rather than after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rbsf.errors import InputError

from ..video.address import identity


def check_output(
    path: str | Path, suffixes: Sequence[str] = (), source: str | Path | None = None
) -> Path:
    """Returns the path of an output that can be written when the work is done.

    Args:
        path: The file to be written.
        suffixes: The endings that the file may have. An empty sequence allows any.
        source: The name of the input, which must not be overwritten.

    Raises:
        InputError: The file has another ending, its folder is missing or closed to this user, a
            folder has its name, or it is the source itself.
    """
    file = Path(path)
    if suffixes and file.suffix.lower() not in suffixes:
        raise InputError(f"output {file} must end in {_either(suffixes)}")
    if not file.parent.is_dir():
        raise InputError(
            f"cannot write {file}: there is no folder {file.parent}; make it, or choose another"
        )
    if file.is_dir():
        raise InputError(f"cannot write {file}: it is a folder; give the name of a file")
    if not os.access(file.parent, os.W_OK):
        raise InputError(
            f"cannot write {file}: you may not write to its folder; choose another one"
        )
    if source and file.exists() and identity(str(file)) == identity(str(source)):
        raise InputError(f"output {file} is the source itself: choose another name")
    return file


def _either(words: Sequence[str]) -> str:
    """Joins words as in "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
