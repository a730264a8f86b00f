"""The log of a run: a note beside the progress bar, a line per epoch, and TensorBoard events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rbsf.console import console
from rbsf.files.atomic import cannot_write

if TYPE_CHECKING:
    from rbsf.train.events import EventFile

SMOOTHING = 0.98
"""The share of the old value in a smoothed loss."""


class Log:
    """Smooths losses for the progress bar, and writes everything to TensorBoard.

    Args:
        folder: The folder of the events.
        is_main: Whether this is the main process. The others neither print nor write.
    """

    def __init__(self, folder: Path, is_main: bool) -> None:
        self.folder, self.is_main = folder, is_main
        self.smooth: dict[str, float] = {}
        self._events: EventFile | None = None
        self._first: int | None = None

    def resume(self, step: int) -> None:
        """Discards the events after `step`, because those steps are made again."""
        self._first = step + 1

    def step(self, step: int, losses: dict[str, float]) -> None:
        """Records the losses of a step.

        Raises:
            InputError: The events cannot be written.
        """
        for name, value in losses.items():
            before = self.smooth.get(name, value)
            self.smooth[name] = SMOOTHING * before + (1 - SMOOTHING) * value
        if self.is_main and step % 20 == 0:
            self._record(step, {f"loss/{name}": value for name, value in losses.items()})

    def summary(self) -> str:
        """The smoothed losses as a short text."""
        return "  ".join(f"{name} {value:.3f}" for name, value in self.smooth.items())

    def epoch(self, step: int, label: str, metrics: dict[str, float]) -> None:
        """Prints and records the metrics of an epoch.

        A metric whose name has two slashes, as in "grad/response/conv2", is recorded only.

        Raises:
            InputError: The events cannot be written.
        """
        if not self.is_main:
            return
        named = {name if "/" in name else f"epoch/{name}": v for name, v in metrics.items()}
        self._record(step, named)
        figures = "  ".join(
            f"{name.removeprefix('time/')} {value:.4g}"
            for name, value in metrics.items()
            if name.count("/") < 2
        )
        console.print(f"{label}  {self.summary()}  {figures}", highlight=False, soft_wrap=True)

    def _record(self, step: int, values: dict[str, float]) -> None:
        """Writes values to the events by name. Their file is made for the first ones."""
        with cannot_write(self.folder):
            if self._events is None:
                from rbsf.train.events import EventFile

                self._events = EventFile(self.folder, self._first)
            self._events.add(step, values)
