"""One cell of the ladder: a rung trained with one seed, then measured on all data sets.

Both halves go on where they were stopped. A network that is trained to the end is never trained
again, and a sequence that was tracked is tracked again only if the tracker's code has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rbsf.console import console
from rbsf.embedder import Engine
from rbsf.engine.packed import kernel_paths
from rbsf.errors import InputError

from ..evaluation.archive import Archive
from ..evaluation.contenders import our_contenders
from ..evaluation.datasets import Dataset
from ..evaluation.metrics import Scores
from ..evaluation.runner import evaluate_tracker
from .rungs import Rung

if TYPE_CHECKING:
    from rbsf.train.settings import StudentSettings


class Cell(NamedTuple):
    """A training and its measurement.

    Attributes:
        rung: What is trained.
        seed: The seed of the training.
        settings: The settings of the training.
        folder: The folder of both.
    """

    rung: Rung
    seed: int
    settings: StudentSettings
    folder: Path


class Measured(NamedTuple):
    """What a cell gave: the figures of every sequence, by data set and name."""

    rung: Rung
    seed: int
    sequences: Mapping[str, Scores]

    @property
    def mean(self) -> Scores:
        """The mean over all sequences, whichever data set they are from."""
        return Scores.mean(self.sequences.values())


def run_cell(cell: Cell, datasets: Sequence[Dataset], threads: int, quiet: bool) -> Measured:
    """Trains a cell if it is not trained yet, and measures it.

    Args:
        cell: The training.
        datasets: What the network tracks, with the protocol and the frames that are wanted.
        threads: How many threads the training may use. Tracking uses one.
        quiet: Whether the training prints nothing, because others run beside it.

    Raises:
        InputError: The folder holds a training with other settings, the training fails, or a
            sequence cannot be tracked.
        KeyboardInterrupt: Ctrl-C stopped the training, whose state is then saved.
    """
    import torch

    from rbsf.train.run import train_once
    from rbsf.train.student import StudentTask

    torch.set_num_threads(threads)
    console.quiet = quiet
    network = train_once(StudentTask, cell.settings, cell.folder)
    sequences: dict[str, Scores] = {}
    for number, dataset in enumerate(datasets):
        sequences |= _measure(cell, network, dataset, f"{number}-{dataset.name}")
    return Measured(cell.rung, cell.seed, sequences)


def _measure(cell: Cell, network: Path, dataset: Dataset, folder: str) -> dict[str, Scores]:
    """The figures of each sequence of a data set."""
    engine: Engine = "packed" if kernel_paths() else "torch"
    (tracker,) = our_contenders([network], engine, threads=1)
    tracker = replace(tracker, name=cell.rung.name)
    archive = Archive(cell.folder / folder, tracker.identity, tracker.code, threads=1)
    results = evaluate_tracker(tracker.make, dataset, threads=1, archive=archive)
    failed = results.dataset.left_out[len(dataset.left_out) :]
    if failed:
        raise InputError(f"{cell.rung.name}, seed {cell.seed}: {failed[0]}")
    return {f"{folder}/{name}": scores for name, scores in results.scores.items()}
