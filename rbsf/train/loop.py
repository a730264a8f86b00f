"""The training loop that teacher and student share: epochs, steps, checkpoints, validation, logs.

What a step *is* belongs to a Task (teacher.py, student.py). The loop owns the order of things:

    for each epoch: set the rates; for each batch: step; after it: end of epoch, validate, save

A run's state is (epoch, batch, tensors); everything random follows from the seed and that position.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
import yaml
from rich.progress import Progress
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rbsf.console import console, progress_bar
from rbsf.data import Pair, PairDataset
from rbsf.errors import InputError
from rbsf.files.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
    save_checkpoint,
)
from rbsf.losses import response_labels
from rbsf.nn import SiamFC
from rbsf.train.distributed import World
from rbsf.train.log import Log
from rbsf.train.settings import RunSettings

Validate = Callable[[SiamFC], dict[str, float]]
"""Measures a network, say its AO on a validation set; called in the main process alone."""


class Batch:
    """A batch of pairs on the device: pixels as floats 0..255, labels for responses of 15x15."""

    def __init__(self, pair: Pair, device: torch.device) -> None:
        def pixels(crop: Tensor) -> Tensor:
            moved = crop.to(device, non_blocking=True).float()
            return moved.contiguous(memory_format=torch.channels_last)

        self.exemplars, self.searches = pixels(pair.exemplar), pixels(pair.search)
        size = (crop_cells(pair.search) - crop_cells(pair.exemplar)) + 1
        self.labels = response_labels(pair.offset.to(device), size)


def crop_cells(crop: Tensor) -> int:
    """Feature cells of a crop (..., S, S): 127 -> 6, 239 -> 20, 255 -> 22."""
    return (crop.shape[-1] - 87) // 8 + 1


class Task(Protocol):
    """One kind of training."""

    kind: str
    model: SiamFC
    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]

    def start_epoch(self, epoch: int) -> None: ...
    def step(self, batch: Batch) -> dict[str, float]: ...
    def end_epoch(self, batches: Callable[[int], Iterator[Batch]], steps: int) -> None: ...
    def metrics(self) -> dict[str, float]: ...


class Loop:
    """Runs a task.

    Args:
        task: what a step does.
        settings: of the run; what it is resumed with must equal what it was begun with.
        dataset: the pairs.
        folder: of the run: `config.yaml`, `last.safetensors` (everything), `best.safetensors` (the
            model with the best validation AO), `final.safetensors` (the model at the end),
            TensorBoard events.
        world: this process among all.
        validate: gives metrics of a model; "ao" decides which is best.
    """

    def __init__(
        self,
        task: Task,
        settings: RunSettings,
        dataset: PairDataset,
        folder: Path,
        world: World,
        validate: Validate | None = None,
    ) -> None:
        self.task, self.settings, self.dataset = task, settings, dataset
        self.folder, self.world, self.validate = folder, world, validate
        self.epoch = self.batch = 0
        self.best_ao = -math.inf
        self.stopping = False
        self.steps = len(dataset) // (settings.batch * world.size)
        if self.steps == 0:
            raise InputError(
                f"an epoch has {len(dataset)} pairs, fewer than one batch of {settings.batch} "
                f"on {world.size} processes: raise data.pairs_per_epoch or lower batch"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.log = Log(folder, world.is_main)

    @property
    def step(self) -> int:
        """Steps made since the run began."""
        return self.epoch * self.steps + self.batch

    def run(self) -> bool:
        """Trains to the end; False where Ctrl-C or SIGTERM stopped it, its state saved.

        Raises:
            InputError: the loss is not finite; the last checkpoint is from before it was.
        """
        if self.world.is_main:
            config = yaml.safe_dump(self.settings.model_dump(mode="json"), sort_keys=False)
            (self.folder / "config.yaml").write_text(config, encoding="utf-8")
        with self._signals(), progress_bar(shown=self.world.is_main) as bar:
            while self.epoch < self.settings.epochs:
                if not self._run_epoch(bar):
                    self.save("last")
                    return False
        if self.world.is_main:
            self.save("final")
        return True

    def _run_epoch(self, bar: Progress) -> bool:
        """One epoch, or what is left of it; False when told to stop."""
        self.task.start_epoch(self.epoch)
        label = f"epoch {self.epoch + 1}/{self.settings.epochs}"
        row = bar.add_task(label, total=self.steps, completed=self.batch, note="")
        started = asked = time.perf_counter()
        waited = 0.0
        for batch in self.batches(self.batch):
            waited += time.perf_counter() - asked
            losses = self.task.step(batch)
            self._check_finite(losses)
            self.batch += 1
            self.log.step(self.step, losses)
            bar.update(row, completed=self.batch, note=self.log.summary())
            if self.world.any(self.stopping):
                return False
            if self.batch % self.settings.checkpoint_steps == 0 and self.batch < self.steps:
                self.save("last")
            asked = time.perf_counter()
        busy = time.perf_counter() - started - waited
        self._end_epoch(label, waited, busy)
        bar.remove_task(row)
        return True

    def _end_epoch(self, label: str, waited: float, busy: float) -> None:
        started = time.perf_counter()
        self.task.end_epoch(self.batches, self.steps)
        norm_time = time.perf_counter() - started
        metrics = {**self.task.metrics(), "time/data_s": waited, "time/compute_s": busy}
        metrics["time/norm_pass_s"] = norm_time
        due = (self.epoch + 1) % self.settings.validate_epochs == 0
        last = self.epoch + 1 == self.settings.epochs
        if self.validate and self.world.is_main and (due or last):
            metrics.update(self.validate(self.task.model))
        self.epoch, self.batch = self.epoch + 1, 0
        self.log.epoch(self.step, label, metrics)
        improved = metrics.get("ao", -math.inf) > self.best_ao
        if improved:
            self.best_ao = metrics["ao"]
        self.save("last", metrics)
        if improved:
            self.save("best", metrics)
        self.world.barrier()

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """This process's batches of the current epoch, from number `first` on."""
        self.dataset.set_epoch(self.epoch)
        size, world = self.settings.batch, self.world
        starts = [(b * world.size + world.rank) * size for b in range(first, self.steps)]
        loader = DataLoader(
            self.dataset,
            batch_sampler=[list(range(s, s + size)) for s in starts],
            num_workers=self.settings.workers,
            prefetch_factor=4 if self.settings.workers else None,
            pin_memory=world.device.type == "cuda",
        )
        return (Batch(pair, world.device) for pair in loader)

    def _check_finite(self, losses: dict[str, float]) -> None:
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        if self.world.any(bool(bad)):
            last = self.folder / "last.safetensors"
            kept = f"{last} is the last good state" if last.exists() else "nothing was saved yet"
            raise InputError(
                f"loss {', '.join(bad) or 'of another process'} is not finite at epoch "
                f"{self.epoch + 1}, batch {self.batch} (step {self.step}); {kept}: lower "
                f"optimiser.lr ({self.settings.optimiser.lr:g}) in {self.folder / 'config.yaml'} "
                "and begin again"
            )

    # -- state ----------------------------------------------------------------------------------

    def save(self, name: str, metrics: dict[str, float] | None = None) -> None:
        """Writes NAME.safetensors; `last` with all that going on needs, others the model alone."""
        if not self.world.is_main:
            return
        header = {
            "kind": self.task.kind,
            "config": self.settings.model_dump(mode="json"),
            "seed": self.settings.seed,
            "epoch": self.epoch,
            "batch": self.batch,
            "step": self.step,
            "world": self.world.size,
            "best_ao": None if self.best_ao == -math.inf else self.best_ao,
            "metrics": metrics or {},
        }
        parts = {"model": self.task.model.state_dict()}
        if name == "last":
            parts |= {key: module.state_dict() for key, module in self.task.modules.items()}
            parts |= {key: optimiser_tensors(o) for key, o in self.task.optimisers.items()}
        save_checkpoint(self.folder / f"{name}.safetensors", header, parts)

    def resume(self) -> None:
        """Goes on from the folder's last.safetensors.

        Raises:
            InputError: none there, or it was begun with other settings.
        """
        path = self.folder / "last.safetensors"
        checkpoint = load_checkpoint(path)
        self._check_same_run(checkpoint, path)
        restore_module(self.task.model, checkpoint.part("model"), str(path))
        for key, module in self.task.modules.items():
            restore_module(module, checkpoint.part(key), str(path))
        for key, optimiser in self.task.optimisers.items():
            restore_optimiser(optimiser, checkpoint.part(key))
        self.epoch, self.batch = checkpoint.header["epoch"], checkpoint.header["batch"]
        best = checkpoint.header["best_ao"]
        self.best_ao = -math.inf if best is None else best
        self.log.resume(self.step)
        if self.world.is_main:
            console.print(f"going on from {path}: epoch {self.epoch + 1}, batch {self.batch}")

    def _check_same_run(self, checkpoint: Checkpoint, path: Path) -> None:
        free = {"device", "workers", "checkpoint_steps", "compile"}
        begun, now = (
            _dotted({k: v for k, v in config.items() if k not in free})
            for config in (checkpoint.header["config"], self.settings.model_dump(mode="json"))
        )
        for key in sorted(begun.keys() | now.keys()):
            if begun.get(key) != now.get(key):
                raise InputError(
                    f"{path} was begun with {key} = {begun.get(key)}, now it is {now.get(key)}: "
                    "resume with the same config, or give another --output"
                )
        if checkpoint.header["world"] != self.world.size:
            raise InputError(f"{path} was begun with {checkpoint.header['world']} processes")

    def _signals(self) -> _StopOnSignal:
        return _StopOnSignal(self)


def _dotted(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """A nested mapping as a flat one, its keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        inner = isinstance(value, dict)
        flat |= _dotted(value, f"{above}{key}.") if inner else {above + key: value}
    return flat


class _StopOnSignal:
    """Within it, Ctrl-C and SIGTERM ask the loop to stop after the step under way."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    def __enter__(self) -> None:
        self.before: dict[int, Any] = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.loop.stopping = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
