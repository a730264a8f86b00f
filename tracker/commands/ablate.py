"""Trains and measures the ladder of RB-SF's parts: what each is worth to the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.config import CONFIGS
from rbsf.console import console, run_tool
from rbsf.cores import usable_cores
from rbsf.errors import InputError

from ..ablation.cells import Cell, Measured, run_cell
from ..ablation.jobs import run_cells
from ..ablation.rungs import BY_ITSELF, Rung, check_common, first_rungs, last_rungs
from ..ablation.table import mean_ao, write_ladder
from ..evaluation.datasets import BENCHMARKS, Dataset, load_dataset
from ..evaluation.protocols import TITLES, Protocol
from .options import Data, check_file, check_folder, check_weights, command_line

if TYPE_CHECKING:
    from rbsf.train.settings import StudentSettings


def ablate(
    dataset: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=FOLDER",
            help=f"A benchmark to track, one of {', '.join(BENCHMARKS)}, and its folder. Repeat "
            "the option for several; figures are means over the sequences of all.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="The folder for the networks, boxes and tables.")],
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the settings of the rung that has everything.",
            show_default="configs/rbsf_ladder.yaml",
        ),
    ] = CONFIGS / "rbsf_ladder.yaml",
    data: Data = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="The teacher's checkpoint. Without this option, the shipped teacher."),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many pairs each training sees, over as many epochs as the settings have. "
            "Without this option, as many as the settings say.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each rung is trained.")] = 3,
    protocol: Annotated[
        Protocol, typer.Option(help="How often a tracker runs on each sequence, see evaluate.")
    ] = "sre",
    max_frames: Annotated[
        int | None, typer.Option(min=2, help="Only so many frames of each sequence are tracked.")
    ] = 100,
    jobs: Annotated[
        int, typer.Option(min=1, help="How many cells are trained and measured at a time.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the rungs and the expected cost, and end.")
    ] = False,
) -> None:
    """Trains and measures the ladder of RB-SF's parts: what each is worth to the tracker.

    The rungs start equal, see equally many pairs of the same data and have the same guidance but
    for the part that they are about. The best of them is trained again with the pass over batch
    norms, and so is XNOR-SF with its guidance. Writes ladder.md and ladder.tex: mean and spread
    over seeds. A ladder that was stopped or killed goes on where it was, when started again.

    Examples:

    - `rbsf ablate --data data --dataset otb=data/otb --dataset got10k-val=data/got10k
      --output runs/ladder --dry-run`

    - `rbsf ablate --data data --dataset otb=data/otb --pairs 3200 --seeds 5 --jobs 4
      --output runs/ladder`
    """
    check_file(config, "--config")
    check_folder(data, "--data", "the folder that holds the data sources")
    check_weights(teacher, "--teacher")
    datasets = [_dataset(words, protocol, max_frames) for words in dataset]
    common = _common(config, data, teacher, pairs)
    threads = max(1, usable_cores() // jobs)
    _print_cost(common, datasets, seeds, jobs, threads)
    if dry_run:
        return
    measured: list[Measured] = []
    rungs = list(first_rungs())
    notes = _notes(datasets, protocol, max_frames, common)
    run = partial(run_cell, datasets=datasets, threads=threads)

    def climb(further: Sequence[Rung]) -> None:
        cells = _cells(further, common, seeds, output)
        for cell in run_cells(run, cells, jobs):
            measured.append(cell)
            console.print(f"{cell.rung.name}, seed {cell.seed}: AO {cell.mean.ao:.3f}")
            write_ladder(rungs, measured, notes, output)

    climb(rungs)
    best = max(BY_ITSELF, key=lambda rung: mean_ao(measured, rung.name)).name
    last = last_rungs(best, common)
    rungs += last
    climb(last)
    typer.echo(write_ladder(rungs, measured, notes, output))


def _dataset(words: str, protocol: Protocol, max_frames: int | None) -> Dataset:
    """The data set that NAME=FOLDER names."""
    name, equals, folder = words.partition("=")
    if not equals:
        raise InputError(f"--dataset {words}: give a benchmark and its folder, as in otb=data/otb")
    found = load_dataset(name, folder).under(protocol)
    return found.first_frames(max_frames) if max_frames else found


def _common(
    config: Path, data: Path | None, teacher: Path | None, pairs: int | None
) -> StudentSettings:
    """The settings of the rung that has everything, with the budget that was asked for."""
    from rbsf.train.run import override
    from rbsf.train.settings import StudentSettings

    common = override(StudentSettings, config, data)
    check_common(common, str(config))
    if pairs is None and common.data.pairs_per_epoch is None:
        raise InputError(f"{config}: data.pairs_per_epoch is null, so give a budget by --pairs")
    values = common.model_dump()
    if teacher is not None:
        values["teacher"] = str(teacher)
    if pairs is not None:
        values["data"]["pairs_per_epoch"] = max(common.batch, round(pairs / common.epochs))
    return StudentSettings.model_validate(values)


def _print_cost(
    common: StudentSettings, datasets: Sequence[Dataset], seeds: int, jobs: int, threads: int
) -> None:
    from ..ablation.cost import expected_cost

    rungs = [*first_rungs(), *last_rungs("R+G+MSE", common)]
    for rung in first_rungs():
        console.print(f"{rung.name}: {rung.what}", highlight=False)
    console.print("BEST+B and XNOR+...: the best of them with the pass over batch norms, and XNOR")
    cost = expected_cost(common, datasets, len(rungs) * seeds, jobs, threads)
    console.print(str(cost), highlight=False, soft_wrap=True)


def _cells(rungs: Sequence[Rung], common: StudentSettings, seeds: int, output: Path) -> list[Cell]:
    """All cells of these rungs: first all of them with the first seed, then with the next."""
    return [
        Cell(rung, seed, rung.settings(common, seed), output / rung.name / f"seed-{seed}")
        for seed in range(seeds)
        for rung in rungs
    ]


def _notes(
    datasets: Sequence[Dataset],
    protocol: Protocol,
    max_frames: int | None,
    common: StudentSettings,
) -> list[str]:
    """What the figures are, and what they follow from."""
    names = ", ".join(f"{d.name} ({d.size_text})" for d in datasets)
    cut = f", the first {max_frames} frames" if max_frames else ""
    pairs = common.epochs * (common.data.pairs_per_epoch or 0)
    return [
        "Each figure is the mean over seeds of the mean over all sequences; ± is the standard "
        "deviation from seed to seed.",
        f"Data: {names}{cut}; {TITLES[protocol]}.",
        f"Each training saw {pairs} pairs in {common.epochs} epochs.",
        f"Command: {command_line()}",
    ]


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf ablate", ablate)
