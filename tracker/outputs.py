"""What every written file has in common: checked before the work, renamed into place after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


def part_of(file: Path) -> Path:
    """The temporary name, in the same folder, under which a file grows."""
    return file.with_name(f".{file.name}.{os.getpid()}.part")


@contextmanager
def writing(file: Path, *parts: Path) -> Iterator[None]:
    """Turns a failure to write, as on a full disk, into one line; the parts are given up.

    Raises:
        InputError: in place of any OSError (those of PyAV are such too).
    """
    try:
        yield
    except OSError as error:
        for part in parts:
            part.unlink(missing_ok=True)
        raise InputError(f"cannot write {file}: {error.strerror or error}") from None
