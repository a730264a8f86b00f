"""Work in several processes, by joblib: it ends with this process, and a killed worker is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from rbsf.errors import InputError

T = TypeVar("T")

WARNINGS = "PYTHONWARNINGS"
"""The variable of the environment from which new Python processes take their warning filters."""


def in_processes(calls: Iterable[Callable[[], T]], workers: int) -> Iterator[T]:
    """Gives what each call returns, as it ends.

    Args:
        calls: What is to be done. Each can be pickled.
        workers: How many processes do it. Those that are started here end with this process. A
            number below 1 leaves it to joblib's backend, which may be a cluster.

    Raises:
        InputError: A worker process was killed.
    """
    from concurrent.futures import BrokenExecutor

    from joblib import Parallel, delayed

    work = delayed(_do if workers < 1 else _do_for_parent)
    try:
        with _silent_about_leaks():
            yield from Parallel(n_jobs=workers, return_as="generator_unordered")(map(work, calls))
    except BrokenExecutor:
        raise InputError(
            "a worker process was killed, perhaps for want of memory: start the command again, it "
            "goes on where it was"
        ) from None


def _do(call: Callable[[], T]) -> T:
    return call()


def _do_for_parent(call: Callable[[], T]) -> T:
    _end_with_parent()
    return call()


@contextmanager
def _silent_about_leaks() -> Iterator[None]:
    """Keeps joblib's resource tracker from warning of what a killed worker left, which it removes.

    It is a process of its own, which starts in the block and takes its filters from this variable.
    Its warning would stand below the line that says what happened.
    """
    before = os.environ.get(WARNINGS)
    ours = "ignore:resource_tracker:UserWarning"
    os.environ[WARNINGS] = f"{before},{ours}" if before else ours
    try:
        yield
    finally:
        if before is None:
            del os.environ[WARNINGS]
        else:
            os.environ[WARNINGS] = before


@cache
def _end_with_parent() -> None:
    """Ends this process soon after its parent. joblib's would wait for work for five minutes."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
