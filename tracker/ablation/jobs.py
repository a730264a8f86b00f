"""Runs the cells of a ladder, one after the other or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from ..processes import in_processes

C = TypeVar("C")
T = TypeVar("T")


def run_cells(run: Callable[..., T], cells: Sequence[C], jobs: int) -> Iterator[T]:
    """Gives what each cell gave, as it ends.

    Args:
        run: Takes a cell and, by name, `quiet`: whether it prints nothing, because others run
            beside it. It can be pickled.
        cells: The cells.
        jobs: How many run at a time. More than one run in processes of their own.

    Raises:
        InputError: A process was killed.
    """
    if jobs == 1:
        yield from (run(cell, quiet=False) for cell in cells)
    else:
        yield from in_processes((partial(run, cell, quiet=True) for cell in cells), jobs)
