"""Measure trackers on a benchmark: AO, success, precision, speed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool
from rbsf.embedder import Engine

from ..evaluation.archive import Archive
from ..evaluation.contenders import Contender, siamfc_contenders
from ..evaluation.datasets import BENCHMARKS, Dataset, Sequence, load_dataset
from ..evaluation.report import Run, print_table, write_report
from ..evaluation.results import Results
from ..evaluation.runner import evaluate_tracker

KNOWN = ", ".join(BENCHMARKS)


def evaluate(
    dataset: Annotated[str, typer.Option(help=f"Benchmark: {KNOWN}.")],
    root: Annotated[Path, typer.Option(help="The benchmark's folder.")],
    output: Annotated[Path, typer.Option(help="Folder for results, boxes, tables and plots.")],
    weights: Annotated[
        list[Path] | None, typer.Option(help="Weights to measure; several may follow.")
    ] = None,
    more_weights: Annotated[
        list[Path] | None, typer.Argument(hidden=True, metavar="[WEIGHTS]...")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = "auto",
    sequences: Annotated[str | None, typer.Option(help="Only these, as A,B,C.")] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes. Speed is measured with 1 alone.")
    ] = 1,
    max_frames: Annotated[
        int | None, typer.Option(min=2, help="Only the first so many frames of each sequence.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Tracker settings (YAML).")] = None,
) -> None:
    """Measure trackers on a benchmark: AO, success, precision, speed.

    Writes results.json and boxes/ for each tracker, report.md, success.png and precision.png.
    A run that was stopped goes on where it was; what is done and unchanged is not run again.

    Examples:

    - `rbsf evaluate --dataset otb --root data/otb --output results/otb`

    - `rbsf evaluate --dataset got10k-val --root data/got10k --workers 4
      --weights runs/siamfc/best.safetensors runs/rbsf/best.safetensors --output results/val`

    - `rbsf evaluate --dataset otb --root data/otb --sequences Girl,Toy --max-frames 100
      --output results/quick`
    """
    wanted = [name.strip() for name in sequences.split(",")] if sequences else None
    data = load_dataset(dataset, root, wanted)
    if max_frames is not None:
        data = data.first_frames(max_frames)
    for line in data.missing:
        console.print(f"left out: {line}", style="yellow", markup=False, highlight=False)
    files = [*(weights or []), *(more_weights or [])]
    contenders = siamfc_contenders(files, engine, 1 if workers > 1 else None, config)
    command = shlex.join(["python", *sys.argv])
    runs = [
        Run(contender, _run(contender, data, output, workers), command, max_frames)
        for contender in contenders
    ]
    write_report(output, runs)
    print_table(runs)
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)


def _run(contender: Contender, data: Dataset, output: Path, workers: int) -> Results:
    """One tracker over the data, with a bar that counts frames."""
    archive = Archive(output / contender.name, contender.identity)
    with progress_bar() as bar:
        total = sum(len(sequence.frames) for sequence in data.sequences)
        task = bar.add_task(contender.name, total=total, note="")

        def tick(sequence: Sequence, kept: bool) -> None:
            note = f"{sequence.name} (done before)" if kept else sequence.name
            bar.update(task, advance=len(sequence.frames), note=note)

        return evaluate_tracker(
            contender.make, data, workers=workers, archive=archive, on_sequence=tick
        )


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf evaluate", evaluate)
