"""Contestants timed in turn, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

OURS = "packed"
"""The contestant that all others are compared with."""


class Contestant(NamedTuple):
    """Something to time: one turn calls `run` `calls` times and counts as their mean."""

    run: Callable[[], object]
    calls: int = 1


class Row(NamedTuple):
    """What one contestant took, milliseconds a call, in every round."""

    name: str
    what: str
    ms: list[float]

    @property
    def median(self) -> float:
        """Over the rounds."""
        return statistics.median(self.ms)

    def told(self, ours: Row | None) -> dict[str, Any]:
        """As it stands in a file; without `packed` in the run there is no ratio."""
        return {
            "name": self.name,
            "what": self.what,
            "ms_median": self.median,
            "ms_min": min(self.ms),
            "ms_max": max(self.ms),
            "ratio_to_packed": self.median / ours.median if ours else None,
        }


def interleave(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a call of each contestant, `rounds` of them, after a round that does not count.

    A turn starts with an untimed call: what the contestant before leaves behind (its data in the
    caches, its threads still spinning) falls on that one.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, (run, calls) in contestants.items():
            run()
            started = time.perf_counter()
            for _ in range(calls):
                run()
            taken[name].append((time.perf_counter() - started) / calls * 1e3)
    return {name: values[1:] for name, values in taken.items()}


def rows_of(taken: Mapping[str, list[float]], what: str) -> list[dict[str, Any]]:
    """The rows of one kind as they stand in a file, ours first and then the fastest first."""
    rows = [Row(name, what, values) for name, values in taken.items()]
    ours = next((row for row in rows if row.name == OURS), None)
    return [row.told(ours) for row in sorted(rows, key=lambda row: (row is not ours, row.median))]
