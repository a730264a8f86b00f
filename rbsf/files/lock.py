"""Locks between processes: in a locked folder, only one process works.

The lock is the file `.lock` in the folder, which says who holds it. It vanishes with the work. The
file of a killed process stays, but the system has freed its lock, so the next process takes it.

The locks are POSIX record locks. They belong to the process that took them, so workers that it
forked do not keep the lock of a killed process. A process does not wait for itself.
"""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from rbsf.console import console, remark
from rbsf.errors import InputError
from rbsf.files.atomic import cannot_write, make_folder

LOCK = ".lock"


@contextmanager
def one_at_a_time(folder: Path, what: str) -> Iterator[None]:
    """Lets one process at a time work in a folder. The others wait.

    Args:
        folder: The folder, which exists.
        what: What the other process does, for the line that says that this one waits.

    Raises:
        InputError: The lock cannot be made.
    """
    file = folder / LOCK
    handle = _take(file)
    if handle is None:
        console.print(f"waiting for {_holder(file)}, which {what}", markup=False, soft_wrap=True)
        handle = _take(file, wait=True)
    assert handle is not None, "whoever waits gets the lock"
    try:
        yield
    finally:
        _release(file, handle)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Works in a folder, unless another process does.

    Args:
        folder: The folder. It is made if it does not exist, and then removed if it stays empty.

    Raises:
        InputError: Another process works in the folder; the message names it. Or the lock cannot
            be made.
    """
    is_new = not folder.exists()
    make_folder(folder)
    file = folder / LOCK
    handle = _take(file)
    if handle is None:
        raise InputError(
            f"{folder} is in use by {_holder(file)}: wait until it ends, or take another folder"
        )
    try:
        yield
    finally:
        _release(file, handle)
        if is_new:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _take(file: Path, *, wait: bool = False) -> int | None:
    """Gives the handle of a lock that this process now holds. None if another process holds it."""
    while True:
        with cannot_write(file):
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except (BlockingIOError, PermissionError):
            os.close(handle)
            return None
        except OSError as error:
            remark(
                f"{file.parent} cannot be locked ({error.strerror}): start no other process in it"
            )
            return handle
        if _is_in_place(file, handle):
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            with cannot_write(file, file):
                os.ftruncate(handle, 0)
                text = f"process {os.getpid()} on {platform.node()} since {since}\n"
                os.pwrite(handle, text.encode(), 0)
            return handle
        os.close(handle)  # its last holder has removed it


def _is_in_place(file: Path, handle: int) -> bool:
    """Whether a file still has its name."""
    try:
        return os.path.samestat(os.fstat(handle), file.lstat())
    except FileNotFoundError:
        return False


def _holder(file: Path) -> str:
    """Names the process that holds a lock."""
    try:
        text = file.read_text(encoding="utf-8").strip()[:200]
    except (OSError, ValueError):
        text = ""
    return text if text.startswith("process ") and text.isprintable() else "another process"


def _release(file: Path, handle: int) -> None:
    """Removes the lock, unless it has become another's, and only then lets go of it."""
    with suppress(OSError):
        if _is_in_place(file, handle):
            file.unlink()
    os.close(handle)
