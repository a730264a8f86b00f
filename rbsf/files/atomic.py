"""Writes files that appear whole or not at all.

A file grows under another name and is renamed when it is complete. A short file is written by
`write_bytes` or inside `replacing`. A file that grows for minutes, such as a video, is opened at
`partial_name` and put in place by `publish`.

In a folder that others may write to, such as /tmp, somebody could plant a link at a name that he
foresees, and have us overwrite what it points to. So the other name is random, and a file at it is
only ever created anew, which follows no link.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rbsf.errors import InputError


def partial_name(path: Path) -> Path:
    """The hidden name, in the same folder, under which this process writes a file at first.

    It differs from call to call. Create the file exclusively: by mode "x", or by `Path.touch` with
    exist_ok=False.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def publish(partial: Path, path: Path) -> None:
    """Renames a complete file into place, after its bytes have reached the disk.

    Without the `fsync`, a power cut could leave a file with neither the old nor the new content.
    """
    with open(partial, "rb") as written:
        os.fsync(written.fileno())
    os.replace(partial, path)


@contextmanager
def cannot_write(path: Path, *partials: Path) -> Iterator[None]:
    """Reports a failure to write, such as a full disk, in one line, and removes partial files.

    Args:
        path: The file that is being written, which the message names.
        partials: The files to remove after a failure.

    Raises:
        InputError: Replaces any OSError. The errors of PyAV are OSErrors too.
    """
    try:
        yield
    except OSError as error:
        for partial in partials:
            partial.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives an empty file to write to, and renames it to `path` when the block is done.

    Its mode is the one that the umask gives to every new file. Write to it as it is: a library that
    replaces it by a file of its own may choose another mode. If anything ends the block early, the
    file that was at `path` before stays as it was.

    Raises:
        InputError: The file cannot be written.
    """
    partial = partial_name(path)
    try:
        with cannot_write(path):
            partial.touch(exist_ok=False)
            yield partial
            publish(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    write_bytes(path, text.encode())


def make_folder(path: Path) -> None:
    """Makes a folder and the folders above it, where they do not exist yet.

    Raises:
        InputError: The folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path}: {error.strerror}") from None


def remove_remains(folder: Path) -> None:
    """Removes what killed processes left below a folder under their `partial_name`."""
    for path in folder.rglob(".*.part"):
        found = re.search(r"\.(\d+)(-[0-9a-f]+)?\.part$", path.name)
        if found and not _is_running(int(found[1])):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is another user's
    return process != os.getpid()
