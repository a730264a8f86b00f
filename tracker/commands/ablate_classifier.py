"""Trains and tests the ladder of RBCN's parts, or binarizers, as classifiers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rbsf.config import CONFIGS
from rbsf.console import console, run_tool
from rbsf.cores import usable_cores
from rbsf.errors import InputError

from ..ablation.classifiers import (
    LADDER,
    Outcome,
    binarizer_rung,
    cells_of,
    run_cell,
    with_budget,
    write_table,
)
from ..ablation.jobs import run_cells
from ..ablation.rungs import check_common
from .classify import Root, classifier_settings
from .options import check_file, check_folder, command_line


def ablate_classifier(
    output: Annotated[Path, typer.Option(help="The folder for the networks and tables.")],
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the settings of the rung that has everything.",
            show_default="configs/classify/wrn22_rbcn_cifar10.yaml",
        ),
    ] = CONFIGS / "classify" / "wrn22_rbcn_cifar10.yaml",
    root: Root = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="The teacher's checkpoint. Without this option, that of the settings."),
    ] = None,
    binarizer: Annotated[
        list[str] | None,
        typer.Option(
            help="A weight binarizer to train instead of the ladder, with the activations behind a "
            "plus if they are not approx, as in xnor+clipped. Repeat the option for several."
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many pictures each training sees, over as many epochs as the settings have.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each rung is trained.")] = 3,
    jobs: Annotated[
        int, typer.Option(min=1, help="How many cells are trained at a time, by joblib.")
    ] = 1,
) -> None:
    """Trains and tests the ladder of RBCN's parts, or binarizers, as classifiers.

    All rungs start equal and see equally many pictures. Writes ladder.md and ladder.tex: the mean
    and spread of top-1 and top-5 over seeds, of the networks of the last epoch. A ladder that was
    stopped or killed goes on where it was, when started again.

    Examples:

    - `python tools/ablate_classifier.py --root data/cifar10
      --teacher runs/wrn22_cifar10/final.safetensors --jobs 2 --output runs/classify`

    - `python tools/ablate_classifier.py --root data/cifar10
      --teacher runs/wrn22_cifar10/final.safetensors --binarizer xnor+clipped --binarizer recu
      --seeds 1 --output runs/binarizers`
    """
    check_file(config, "--config")
    check_folder(root, "--root", "the folder of the pictures")
    check_file(teacher, "--teacher")
    from rbsf.train.classifier_settings import BinaryClassifierSettings

    common = classifier_settings(config, root, teacher)
    if not isinstance(common, BinaryClassifierSettings):
        raise InputError(f"{config} is of a network in full precision: give that of a binary one")
    check_common(common, str(config))
    common = with_budget(common, pictures) if pictures else common
    rungs = [binarizer_rung(words) for words in binarizer] if binarizer else list(LADDER)
    cells = cells_of(rungs, common, range(seeds), output)
    seen = common.data.pictures_per_epoch or "all"
    notes = [
        "Each figure is the mean over seeds, in percent; ± is the standard deviation from seed to "
        "seed.",
        f"Each training saw {seen} pictures in each of {common.epochs} epochs.",
        f"Command: {command_line()}",
    ]
    tested: list[Outcome] = []
    run = partial(run_cell, threads=max(1, usable_cores() // jobs))
    for cell in run_cells(run, cells, jobs):
        tested.append(cell)
        console.print(f"{cell.rung.name}, seed {cell.seed}: top-1 {cell.top1:.2%}")
        write_table(rungs, tested, notes, output)
    typer.echo(write_table(rungs, tested, notes, output))


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("python tools/ablate_classifier.py", ablate_classifier)
