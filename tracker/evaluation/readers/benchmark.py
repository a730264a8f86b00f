"""What a reader says of its benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ..sequence import Sequence

Loaders = Mapping[str, Callable[[], Sequence]]
"""For each sequence of the benchmark, by name, what reads it from disk.

A loader raises InputError, with the reason alone, where the sequence is missing or damaged.
"""


class Benchmark(NamedTuple):
    """How one benchmark is found and scored.

    Attributes:
        split: Which part of the benchmark it is, in words.
        layout: What is looked for under the root, in words.
        find: Gives a loader for every sequence that the benchmark lists, there or not, and none at
            all where not even the list is there.
        frame_weighted: Whether the benchmark's own averages are over frames instead of sequences.
        scored: Whether the true boxes are public. A server scores the others.
    """

    split: str
    layout: str
    find: Callable[[Path], Loaders]
    frame_weighted: bool = False
    scored: bool = True
