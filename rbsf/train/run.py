"""From settings to a trained network: what tools/train_*.py call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from rbsf.config import load_settings
from rbsf.console import console
from rbsf.data import PairDataset, open_pairs
from rbsf.errors import InputError
from rbsf.train.distributed import World, open_world
from rbsf.train.loop import Loop, Task, Validate
from rbsf.train.settings import RunSettings

S = TypeVar("S", bound=RunSettings)


def override(kind: type[S], config: Path, data: Path | None) -> S:
    """Settings from a YAML file, `data.root` replaced where one is given on the command line."""
    settings = load_settings(kind, config)
    if data is None:
        return settings
    return settings.model_copy(
        update={"data": settings.data.model_copy(update={"root": str(data)})}
    )


def train(
    make_task: Callable[[S, World], Task],
    settings: S,
    folder: Path,
    *,
    resume: bool = False,
    validate: Validate | None = None,
    open_dataset: Callable[[Any, int], PairDataset] = open_pairs,
    loop_type: type[Loop] = Loop,
) -> bool:
    """Trains in a folder, from the start or from where it was left.

    Args:
        make_task: TeacherTask or StudentTask.
        settings: of the run.
        folder: of the run's files.
        resume: go on from the folder's last.safetensors.
        validate: measures the network during training.
        open_dataset: gives the pairs from `settings.data` and the seed.
        loop_type: the loop, which makes batches of what the data set gives.

    Returns:
        True at the end, False where Ctrl-C stopped it (its state is saved).

    Raises:
        InputError: bad settings, missing data, or a folder that already holds a run.
    """
    if not resume and (folder / "last.safetensors").exists():
        raise InputError(f"{folder} already holds a run: give --resume, or another --output")
    if resume and not (folder / "last.safetensors").exists():
        raise InputError(f"{folder} holds no run to resume: leave --resume out to begin one")
    _be_deterministic()
    with open_world(settings.device) as world:
        if world.is_main:
            dataset = open_dataset(settings.data, settings.seed)
        world.barrier()  # the others find the crops made
        if not world.is_main:
            dataset = open_dataset(settings.data, settings.seed)
        loop = loop_type(make_task(settings, world), settings, dataset, folder, world, validate)
        if resume:
            loop.resume()
        elif world.is_main:
            console.print(f"{len(dataset)} pairs an epoch, {loop.steps} steps, on {world.device}")
        return loop.run()


def _be_deterministic() -> None:
    """The same run gives the same bits on one device."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
