"""Files that appear whole or not at all: they grow under another name and are renamed when done.

A short file is written inside `replacing`. A file that grows for minutes, as a video does, is
opened at `partial_name` and put in place by `publish`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rbsf.errors import InputError


def partial_name(path: Path) -> Path:
    """The hidden name, in the same folder, under which this process lets a file grow."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def publish(partial: Path, path: Path) -> None:
    """Renames a complete file into place, after its bytes have reached the disk.

    Without the `fsync` a power cut can leave the new name with the content of neither file.
    """
    with open(partial, "rb") as written:
        os.fsync(written.fileno())
    os.replace(partial, path)


@contextmanager
def cannot_write(path: Path, *partials: Path) -> Iterator[None]:
    """Turns a failure to write, such as a full disk, into one line; the partial files are removed.

    Raises:
        InputError: in place of any OSError; the errors of PyAV are OSErrors too.
    """
    try:
        yield
    except OSError as error:
        for partial in partials:
            partial.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a name to write to; what is there becomes `path` in one step if the block ends well.

    Whatever ends the block early, the file that `path` named before stays as it was.

    Raises:
        InputError: The file cannot be written.
    """
    partial = partial_name(path)
    try:
        with cannot_write(path):
            yield partial
            publish(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 in one step."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> None:
    """Makes a folder and those above it.

    Raises:
        InputError: The folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path}: {error.strerror}") from None
