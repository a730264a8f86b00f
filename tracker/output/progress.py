"""A progress bar over a run, with its speed, and a warning for each damaged frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from rbsf.console import console, progress_bar

if TYPE_CHECKING:
    from .sinks import Tracked

_MOST_WARNINGS = 10
"""The number of warnings after which the rest are left out: a ruined file has thousands."""


class ProgressSink:
    """Counts frames on standard error.

    Args:
        count: The number of frames that are expected. None shows a bar without an end.
        what: The word in front of the bar.
    """

    def __init__(self, count: int | None, what: str = "tracking") -> None:
        self._bar = progress_bar()
        self._task = self._bar.add_task(what, total=count, note="")
        self._updates, self._seconds, self._faults = 0, 0.0, 0
        self._bar.start()

    def write(self, tracked: Tracked) -> None:
        self._updates += tracked.seconds > 0
        self._seconds += tracked.seconds
        note = f"{self._updates / self._seconds:.1f} fps" if self._seconds else ""
        self._bar.update(self._task, advance=1, note=note)
        if tracked.frame.fault:
            self._warn(tracked.frame.fault)

    def close(self) -> None:
        self._bar.stop()

    def _warn(self, fault: str) -> None:
        self._faults += 1
        if self._faults < _MOST_WARNINGS:
            console.print(f"[yellow]warning:[/] {escape(fault)}", highlight=False, soft_wrap=True)
        elif self._faults == _MOST_WARNINGS:
            console.print("[yellow]warning:[/] more frames are damaged; they are not listed")
