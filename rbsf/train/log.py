"""What a run tells: a progress note, a line an epoch, TensorBoard events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbsf.console import console

SMOOTHING = 0.98


class Log:
    """Smoothed losses for the progress bar; everything for TensorBoard. Silent unless `is_main`."""

    def __init__(self, folder: Path, is_main: bool) -> None:
        self.folder, self.is_main = folder, is_main
        self.smooth: dict[str, float] = {}
        self._writer: Any = None
        self._purge: int | None = None

    def resume(self, step: int) -> None:
        """Events after `step` belong to steps that are made again."""
        self._purge = step + 1

    @property
    def writer(self) -> Any:
        """The TensorBoard writer, opened when first used."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=self._purge)
        return self._writer

    def step(self, step: int, losses: dict[str, float]) -> None:
        """Takes in a step's losses."""
        for name, value in losses.items():
            before = self.smooth.get(name, value)
            self.smooth[name] = SMOOTHING * before + (1 - SMOOTHING) * value
        if self.is_main and step % 20 == 0:
            for name, value in losses.items():
                self.writer.add_scalar(f"loss/{name}", value, step)

    def summary(self) -> str:
        """The smoothed losses, short."""
        return "  ".join(f"{name} {value:.3f}" for name, value in self.smooth.items())

    def epoch(self, step: int, label: str, metrics: dict[str, float]) -> None:
        """Prints and records an epoch's metrics."""
        if not self.is_main:
            return
        for name, value in metrics.items():
            self.writer.add_scalar(name if "/" in name else f"epoch/{name}", value, step)
        self.writer.flush()
        told = "  ".join(
            f"{name.removeprefix('time/')} {value:.4g}" for name, value in metrics.items()
        )
        console.print(f"{label}  {self.summary()}  {told}", highlight=False, soft_wrap=True)
