"""Times contestants in turn, so that other work on the machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

OURS = "packed"
"""The contestant that all others are compared with."""


class Contestant(NamedTuple):
    """Something to time. In one turn, `run` is called `calls` times, and their mean counts."""

    run: Callable[[], object]
    calls: int = 1


class Row(NamedTuple):
    """The milliseconds per call that one contestant took in every round."""

    name: str
    what: str
    ms: list[float]

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ms)

    def as_figures(self, ours: Row | None) -> dict[str, Any]:
        """Returns the row as a file holds it. Without `packed` in the run there is no ratio."""
        return {
            "name": self.name,
            "what": self.what,
            "ms_median": self.median,
            "ms_min": min(self.ms),
            "ms_max": max(self.ms),
            "ratio_to_packed": self.median / ours.median if ours else None,
        }


def interleave(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Measures the milliseconds per call of each contestant in every round.

    The first round does not count. A turn starts with an untimed call, which bears what the
    previous contestant left behind: its data in the caches, and its threads still spinning.

    Args:
        contestants: What to time, by name.
        rounds: The number of rounds that count.
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
    """Returns rows of one kind as a file holds them: ours first, then the others by speed."""
    rows = [Row(name, what, values) for name, values in taken.items()]
    ours = next((row for row in rows if row.name == OURS), None)
    ordered = sorted(rows, key=lambda row: (row is not ours, row.median))
    return [row.as_figures(ours) for row in ordered]
