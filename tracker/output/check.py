"""A path that is to be written is checked before the work begins, not after it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rbsf.errors import InputError


def check_output(path: str | Path, suffixes: Sequence[str], source: str = "") -> Path:
    """A path that can be written when the work is done.

    Raises:
        InputError: another suffix, a folder that is missing or closed, or the source itself.
    """
    file = Path(path)
    if file.suffix.lower() not in suffixes:
        raise InputError(f"output {file} must end in {' or '.join(suffixes)}")
    if not file.parent.is_dir():
        raise InputError(f"output {file}: there is no folder {file.parent}")
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise InputError(f"output {file} cannot be written: choose another name or folder")
    if source and file.exists() and Path(source).exists() and file.samefile(source):
        raise InputError(f"output {file} is the source itself: choose another name")
    return file
