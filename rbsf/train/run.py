"""Turns settings into a trained network. The training commands call it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch

from rbsf.config import load_settings
from rbsf.console import console
from rbsf.data import open_pairs
from rbsf.data.sources import count_sequences
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint
from rbsf.files.lock import alone_in
from rbsf.files.weights import SHIPPED_TEACHER
from rbsf.train.distributed import World, is_main_process, open_world, pick_device
from rbsf.train.loop import Loop, Task, TrainingSet, Validate
from rbsf.train.same_run import check_same_run, run_inputs
from rbsf.train.settings import LoopSettings, RunSettings, StudentSettings

S = TypeVar("S", bound=LoopSettings)
R = TypeVar("R", bound=RunSettings)
Open = Callable[[Any, int], TrainingSet]
"""Gives what a network is trained on, from `settings.data` and the seed."""

FULL_SIZE = 5000
"""So many sequences make a full training set. GOT-10k has 9,335."""


def override(kind: type[R], config: Path, data: Path | None, cache: Path | None = None) -> R:
    """Reads settings from a YAML file, and replaces `data.root` and `data.cache` if they are given.

    Args:
        kind: The class of the settings.
        config: The file.
        data: The folder that the paths of the sources start from. None keeps the file's.
        cache: The folder for the crops. None keeps the file's.

    Raises:
        InputError: The file cannot be read, or a key or value is wrong.
    """
    settings = load_settings(kind, config)
    return settings.model_copy(update={"data": settings.data.in_folders(data, cache)})


def refuse_small_teacher(settings: StudentSettings) -> None:
    """Checks that a full run names its teacher. The shipped one has seen too little to teach it.

    Raises:
        InputError: The run needs a teacher and names none, and its data has GOT-10k's full size.
    """
    if settings.teacher or not settings.taught:
        return
    root = Path(settings.data.root)
    count = sum(count_sequences(source, root) for source in settings.data.sources)
    if count >= FULL_SIZE:
        raise InputError(
            f"the data has {count:,} sequences, but without --teacher the small shipped one, which "
            "was trained on little data, would teach: train a teacher (rbsf train siamfc) and give "
            f"it with --teacher, or ask for the shipped one by --teacher {SHIPPED_TEACHER}"
        )


def train(
    make_task: Callable[[S, World], Task],
    settings: S,
    folder: Path,
    *,
    resume: bool = False,
    validate: Validate | None = None,
    open_dataset: Open = open_pairs,
    loop_type: type[Loop] = Loop,
) -> bool:
    """Trains in a folder, from the beginning or from where a run was left.

    The main process locks the folder, so that no other training writes into it meanwhile.

    Args:
        make_task: The task's class, such as `TeacherTask` or `StudentTask`.
        settings: The settings of the run.
        folder: The folder of the run's files, see `rbsf.train.loop.Loop`.
        resume: Whether to resume from the folder's last.safetensors.
        validate: Measures the network during training. None measures nothing.
        open_dataset: Gives what the network is trained on.
        loop_type: The class of the loop, which makes batches of what the data set gives.

    Returns:
        True at the end. False if Ctrl-C stopped the run, whose state is then saved.

    Raises:
        InputError: A setting is bad, data is missing, or the loss is not finite. Or the folder
            already holds a run, it holds none that could be resumed, or another process trains in
            it. Or a file cannot be written.
    """
    with alone_in(folder) if is_main_process() else nullcontext():
        return _train(make_task, settings, folder, resume, validate, open_dataset, loop_type)


def _train(
    make_task: Callable[[S, World], Task],
    settings: S,
    folder: Path,
    resume: bool,
    validate: Validate | None,
    open_dataset: Open,
    loop_type: type[Loop],
) -> bool:
    """As `train`, in a folder that is locked."""
    if not resume and (folder / "last.safetensors").exists():
        raise InputError(f"{folder} already holds a run: resume it, or train in another folder")
    if resume and not (folder / "last.safetensors").exists():
        raise InputError(f"{folder} holds no run to resume: begin one without resuming")
    _be_deterministic()
    pick_device(settings.device)  # a wrong one should not be found after the crops are made
    # Crops come before the process group, in which others would wait only for so long. Here one
    # process makes them, and the others wait at its lock for as long as it takes.
    dataset = open_dataset(settings.data, settings.seed)
    inputs = run_inputs(settings, dataset)
    with open_world(settings.device) as world:
        if world.is_main:
            for remark in dataset.remarks:
                console.print(remark, markup=False, highlight=False, soft_wrap=True)
        task = make_task(settings, world)
        loop = loop_type(task, settings, dataset, folder, world, validate, inputs)
        if resume:
            loop.resume()
        elif world.is_main:
            console.print(
                f"an epoch has {len(dataset)} {loop.unit}, {loop.steps} steps of {settings.batch} "
                f"{loop.unit} in each of {world.size} processes on {world.device.type}"
            )
        return loop.run()


def train_once(
    make_task: Callable[[S, World], Task],
    settings: S,
    folder: Path,
    validate: Validate | None = None,
    open_dataset: Open = open_pairs,
    loop_type: type[Loop] = Loop,
) -> Path:
    """Trains a network to the end: from the beginning, from where it was left, or not at all.

    Args:
        make_task: As for `train`.
        settings: The settings of the run.
        folder: The folder of the run's files.
        validate: Measures the network during training. None measures nothing.
        open_dataset: As for `train`.
        loop_type: As for `train`.

    Returns:
        The trained network. One that was there before is not trained again.

    Raises:
        InputError: As for `train`. Or the folder holds a network of other settings, of other data
            or of another teacher.
        KeyboardInterrupt: A signal stopped the training, whose state is then saved.
    """
    final = folder / "final.safetensors"
    if final.is_file():
        inputs = run_inputs(settings, open_dataset(settings.data, settings.seed))
        check_same_run(load_checkpoint(final).header, final, settings, inputs, size=1)
        console.print(f"{folder} is trained already", markup=False, highlight=False, soft_wrap=True)
        return final
    begun = (folder / "last.safetensors").is_file()
    if not train(
        make_task,
        settings,
        folder,
        resume=begun,
        validate=validate,
        open_dataset=open_dataset,
        loop_type=loop_type,
    ):
        raise KeyboardInterrupt
    return final


def _be_deterministic() -> None:
    """Makes torch give the same bits whenever the same run is repeated on the same device."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
