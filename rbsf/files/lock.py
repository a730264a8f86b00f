"""A lock between processes: only one of them does the work, and the others wait for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rbsf.console import console
from rbsf.files.atomic import cannot_write


@contextmanager
def one_at_a_time(file: Path, what: str) -> Iterator[None]:
    """Lets one process at a time into the block. The system frees the lock of a killed process.

    Args:
        file: The lock, an empty file. It is left behind.
        what: What the other process does, for the line that says that this one waits.

    Raises:
        InputError: The lock cannot be made.
    """
    with cannot_write(file):
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"waiting for another process, which {what}", markup=False)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
