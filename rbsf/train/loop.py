"""The training loop of teacher and student: epochs, steps, checkpoints, validation and logs.

A `Task` (teacher.py, student.py) defines what a step does. The loop defines the order:

    for each epoch:
        set the rates
        for each batch: make a step
        end the epoch, validate, save

The state of a run is the epoch, the batch and the tensors. Everything random follows from the seed
and from that position.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
import yaml
from rich.progress import Progress
from torch import Tensor, nn

from rbsf.console import console, progress_bar
from rbsf.data import Pair
from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, remove_remains, write_text
from rbsf.files.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
    save_checkpoint,
)
from rbsf.labels import LabelSettings, response_labels
from rbsf.losses import response_loss
from rbsf.nn import Output
from rbsf.nn.binary_conv import has_binary_weights
from rbsf.train.distributed import World
from rbsf.train.ema import kept_network, start_average, update_average
from rbsf.train.feed import BatchFeed, Drawn, Feed
from rbsf.train.log import Log
from rbsf.train.norm_pass import estimate_norms
from rbsf.train.same_run import check_same_run
from rbsf.train.settings import LoopSettings
from rbsf.train.stopping import on_stop_signal

Validate = Callable[[Any, World], dict[str, float]]
"""Measures a network, for example its AO on a validation set. Every process calls it and measures a
part; all get the same result."""


class TrainingSet(Drawn, Protocol):
    """What a network is trained on: the pairs or the pictures of an epoch."""

    digest: str
    """A hash of the content."""
    remarks: list[str]
    """What a user should know about the data, in lines to print."""

    def __len__(self) -> int: ...


class AnyBatch(Protocol):
    """A batch on the device, of pairs or of pictures."""

    def run(self, network: nn.Module) -> Any:
        """What a network gives for the batch."""

    def loss(self, output: Any) -> Tensor:
        """The task loss of what the network gave, a scalar."""
        ...


class Batch:
    """A batch of pairs on the device, with the labels of their responses.

    Args:
        pair: The pairs, stacked as a DataLoader does.
        device: Where the batch goes.
        labels: The form of the labels. None is SiamFC's.

    Attributes:
        exemplars: The exemplars, (N, 3, 127, 127), RGB floats from 0 to 255.
        searches: The search crops, (N, 3, 239, 239), likewise.
        labels: The labels, (N, 15, 15), see `rbsf.labels.response_labels`.
        scenes: The numbers of the sequences and photographs that the pairs are from, (N,).
    """

    def __init__(
        self, pair: Pair, device: torch.device, labels: LabelSettings | None = None
    ) -> None:
        def pixels(crop: Tensor) -> Tensor:
            moved = crop.to(device, non_blocking=True).float()
            return moved.contiguous(memory_format=torch.channels_last)

        self.exemplars, self.searches = pixels(pair.exemplar), pixels(pair.search)
        size = (crop_cells(pair.search) - crop_cells(pair.exemplar)) + 1
        self.labels = response_labels(pair.offset.to(device), size, labels)
        self.scenes = pair.scene.to(device).expand(len(self.exemplars))

    def run(self, network: nn.Module) -> Output:
        """Runs a SiamFC on the pairs."""
        output: Output = network(self.exemplars, self.searches)
        return output

    def loss(self, output: Output) -> Tensor:
        """The response loss."""
        return response_loss(output.responses, self.labels)


def crop_cells(crop: Tensor) -> int:
    """How many cells wide the feature of a crop (..., S, S) is: 127 -> 6, 239 -> 20, 255 -> 22."""
    return (crop.shape[-1] - 87) // 8 + 1


class Task(Protocol):
    """One kind of training: what is trained, and what a step does."""

    kind: str
    """The kind of network, such as "teacher" or "student"; checkpoints record it."""
    model: Any
    """The network that is trained."""
    modules: dict[str, nn.Module]
    """What else is trained, by the name it has in checkpoints."""
    optimisers: dict[str, torch.optim.Optimizer]
    """The optimisers, by the names they have in checkpoints."""

    def start_epoch(self, epoch: int) -> None:
        """Sets rates and loss weights for an epoch, counted from 0."""

    def step(self, batch: Any) -> dict[str, float]:
        """Trains on one batch and gives the losses by name."""
        ...

    def end_epoch(self, batches: Callable[[int], Iterator[Any]], steps: int) -> None:
        """Finishes an epoch.

        Args:
            batches: Gives the epoch's batches again, from a given number on.
            steps: The number of batches in the epoch.
        """

    def metrics(self) -> dict[str, float]:
        """What to log after an epoch, by name."""
        ...


class Loop:
    """Runs a task.

    Args:
        task: What is trained, and what a step does.
        settings: The settings of the run. A run must be resumed with the settings it began with.
        dataset: What the network is trained on.
        folder: The folder of the run. It gets `config.yaml`, `last.safetensors` (the whole state),
            `best.safetensors` (the network with the best validation), `final.safetensors` (the
            network at the end) and TensorBoard events.
        world: This process among all.
        validate: Measures the network after epochs. The metric `best_by` decides which is the best.
        inputs: The hashes of what the run reads, by `rbsf.train.same_run.run_inputs`.

    Attributes:
        unit: What an epoch consists of.
        best_by: The metric of the best network, which is better the higher it is.

    Raises:
        InputError: An epoch has fewer pairs than a batch, or the folder cannot be made.
    """

    unit = "pairs"
    best_by = "ao"

    def __init__(
        self,
        task: Task,
        settings: LoopSettings,
        dataset: TrainingSet,
        folder: Path,
        world: World,
        validate: Validate | None = None,
        inputs: dict[str, str] | None = None,
    ) -> None:
        self.task, self.settings, self.dataset = task, settings, dataset
        self.folder, self.world, self.validate = folder, world, validate
        self.inputs = inputs or {}
        start_average(task, settings.ema)
        self.epoch = self.batch = 0
        self.best = -math.inf
        self.stopping = False
        self.steps = len(dataset) // (settings.batch * world.size)
        if self.steps == 0:
            raise InputError(
                f"an epoch has {len(dataset)} {self.unit}, fewer than one batch of "
                f"{settings.batch} per process: raise data.{self.unit}_per_epoch or lower batch"
            )
        self.feed = self.open_feed()
        make_folder(folder)
        if world.is_main:
            remove_remains(folder)
        self.log = Log(folder, world.is_main)

    @property
    def step(self) -> int:
        """How many steps were made since the run began."""
        return self.epoch * self.steps + self.batch

    def run(self) -> bool:
        """Trains to the end.

        Returns:
            True at the end. False if Ctrl-C or SIGTERM stopped the run, whose state is then saved.

        Raises:
            InputError: The loss is not finite, or a file cannot be written, as on a full disk. The
                last checkpoint is from before that.
        """
        if self.world.is_main:
            config = yaml.safe_dump(self.settings.model_dump(mode="json"), sort_keys=False)
            write_text(self.folder / "config.yaml", config)
        with on_stop_signal(self._ask_to_stop), progress_bar(shown=self.world.is_main) as bar:
            while self.epoch < self.settings.epochs:
                if not self._run_epoch(bar):
                    self.save("last")
                    return False
        if self.world.is_main:
            self.save("final")
        return True

    def _run_epoch(self, bar: Progress) -> bool:
        """Trains for one epoch, or for what is left of it. False if the run was asked to stop."""
        self.task.start_epoch(self.epoch)
        label = f"epoch {self.epoch + 1}/{self.settings.epochs}"
        row = bar.add_task(label, total=self.steps, completed=self.batch, note="")
        started = asked = time.perf_counter()
        waited = 0.0
        for batch in self.batches(self.batch):
            waited += time.perf_counter() - asked
            losses = self.task.step(batch)
            self._check_finite(losses)
            update_average(self.task)
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
        self._estimate_norms()
        norm_time = time.perf_counter() - started
        metrics = {**self.task.metrics(), "time/data_s": waited, "time/compute_s": busy}
        metrics["time/norm_pass_s"] = norm_time
        due = (self.epoch + 1) % self.settings.validation_interval == 0
        last = self.epoch + 1 == self.settings.epochs
        kept = kept_network(self.task)
        if self.validate and (due or last) and has_binary_weights(kept):
            started = time.perf_counter()
            self.world.share(kept.buffers())  # each process has statistics of its own
            metrics.update(self.validate(kept, self.world))
            metrics["time/validation_s"] = time.perf_counter() - started
        self.epoch, self.batch = self.epoch + 1, 0
        self.log.epoch(self.step, label, metrics)
        improved = metrics.get(self.best_by, -math.inf) > self.best
        if improved:
            self.best = metrics[self.best_by]
        self.save("last", metrics)
        if improved:
            self.save("best", metrics)
        self.world.barrier()

    def _estimate_norms(self) -> None:
        """Estimates the batch norms of the kept network anew, over the end of the epoch."""
        first = self.steps - round(self.settings.norm_estimate * self.steps)
        if first < self.steps:
            estimate_norms(kept_network(self.task), self.batches(first), self.world)

    def open_feed(self) -> BatchFeed:
        """Opens what this process takes its pairs from."""
        settings = self.settings
        return Feed(self.dataset, settings.batch, self.steps, self.world, settings.workers)

    def batches(self, first: int = 0) -> Iterator[Any]:
        """Gives this process its batches of the current epoch, from number `first` on."""
        for item in self.feed.batches(self.epoch, first):
            yield self.make_batch(item)

    def make_batch(self, item: Any) -> AnyBatch:
        """Moves what the feed gave to the device."""
        return Batch(item, self.world.device, getattr(self.settings, "labels", None))

    def _check_finite(self, losses: dict[str, float]) -> None:
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        if self.world.any(bool(bad)):
            last = self.folder / "last.safetensors"
            kept = f"{last} has the last good state" if last.exists() else "nothing was saved yet"
            raise InputError(
                f"the loss {', '.join(bad) or 'of another process'} is not finite at epoch "
                f"{self.epoch + 1}, batch {self.batch} (step {self.step}), and {kept}: lower "
                f"optimiser.lr ({self.settings.optimiser.lr:g}) in {self.folder / 'config.yaml'} "
                "and begin again"
            )

    # -- state ----------------------------------------------------------------------------------

    def save(self, name: str, metrics: dict[str, float] | None = None) -> None:
        """Writes NAME.safetensors.

        Args:
            name: "last" stores all that the run needs to resume. Other names store the network
                alone.
            metrics: What was measured, for the header.

        Raises:
            InputError: The file cannot be written.
        """
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
            "inputs": self.inputs,
            f"best_{self.best_by}": None if self.best == -math.inf else self.best,
            "metrics": metrics or {},
        }
        parts = {"model": kept_network(self.task).state_dict()}
        if name == "last":
            parts["model"] = self.task.model.state_dict()
            parts |= {key: module.state_dict() for key, module in self.task.modules.items()}
            parts |= {key: optimiser_tensors(o) for key, o in self.task.optimisers.items()}
        save_checkpoint(self.folder / f"{name}.safetensors", header, parts)

    def resume(self) -> None:
        """Resumes from the folder's last.safetensors.

        Raises:
            InputError: The file is missing or damaged, or another run made it, as
                `check_same_run` has it.
        """
        path = self.folder / "last.safetensors"
        checkpoint = load_checkpoint(path)
        check_same_run(checkpoint.header, path, self.settings, self.inputs, self.world.size)
        restore_module(self.task.model, checkpoint.part("model"), str(path))
        for key, module in self.task.modules.items():
            restore_module(module, checkpoint.part(key), str(path))
        for key, optimiser in self.task.optimisers.items():
            restore_optimiser(optimiser, checkpoint.part(key))
        self.epoch, self.batch = checkpoint.header["epoch"], checkpoint.header["batch"]
        best = checkpoint.header[f"best_{self.best_by}"]
        self.best = -math.inf if best is None else best
        self.log.resume(self.step)
        if self.world.is_main:
            console.print(f"resuming from {path}: epoch {self.epoch + 1}, batch {self.batch}")

    def _ask_to_stop(self) -> None:
        self.stopping = True
