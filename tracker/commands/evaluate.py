"""Measure trackers on a benchmark: accuracy and speed, beside rivals."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool
from rbsf.embedder import Engine
from rbsf.engine.packed import MOST_THREADS
from rbsf.errors import InputError

from ..evaluation.archive import Archive
from ..evaluation.cluster import dask_cluster
from ..evaluation.contenders import Contender, check_names, siamfc_contenders
from ..evaluation.datasets import BENCHMARKS, Dataset, load_dataset
from ..evaluation.machine import usable_cores
from ..evaluation.protocols import Protocol, Run, runs_of
from ..evaluation.report import write_report
from ..evaluation.result_file import Outcome, write_results
from ..evaluation.results import Results
from ..evaluation.rivals import is_rival, rival_contender
from ..evaluation.runner import evaluate_tracker
from ..evaluation.sequence import by_reason
from ..evaluation.submission import write_submission
from ..evaluation.table import print_table

KNOWN = ", ".join(BENCHMARKS)
CLUSTER = -1
"""As the number of workers: all that joblib's backend has."""


def evaluate(
    dataset: Annotated[str, typer.Option(help=f"Benchmark: {KNOWN}.")],
    root: Annotated[Path, typer.Option(help="The benchmark's folder.")],
    output: Annotated[Path, typer.Option(help="Folder for results, boxes, tables and plots.")],
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="Weights to measure; several may follow. Without any, the shipped RB-SF."
        ),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(
            help="OpenCV's trackers to measure beside: csrt, kcf, mil, nano:BACKBONE,HEAD or "
            "vit:FILE; several may follow."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[MORE]...")] = None,
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="One pass (ope), 12 first boxes moved or scaled by 10 or 20% (sre), or 20 starts "
            "along the sequence (tre)."
        ),
    ] = "ope",
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = "auto",
    sequences: Annotated[str | None, typer.Option(help="Only these, as A,B,C.")] = None,
    max_frames: Annotated[
        int | None, typer.Option(min=2, help="Only the first so many frames of each sequence.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes. Speed is measured with 1 alone.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads of the network and of OpenCV in each process. By default one for "
            "each core, or one where several processes run.",
        ),
    ] = None,
    dask: Annotated[
        str | None, typer.Option(help="Run on a Dask cluster: its scheduler, as tcp://host:8786.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Tracker settings (YAML).")] = None,
) -> None:
    """Measure trackers on a benchmark: accuracy and speed, beside rivals.

    Writes results.json and boxes/ for each tracker, report.md, success.png and precision.png.
    A run that was stopped goes on where it was; what is done and unchanged is not run again.
    Sequences that are missing or damaged, or on which a tracker fails, are named and left out. The
    exit status is 1 if there are any, 0 if all were measured.

    Examples:

    - `rbsf evaluate --dataset otb --root data/otb --output results/otb`

    - `rbsf evaluate --dataset got10k-val --root data/got10k --workers 4
      --weights runs/siamfc/best.safetensors runs/rbsf/best.safetensors --output results/val`

    - `rbsf evaluate --dataset otb100 --root data/otb --rival csrt kcf
      nano:backbone.onnx,head.onnx --threads 1 --output results/rivals`

    - `rbsf evaluate --dataset otb --root data/otb --sequences Girl,Toy --protocol sre
      --output results/girl-and-toy`
    """
    wanted = [name.strip() for name in sequences.split(",")] if sequences else None
    data = load_dataset(dataset, root, wanted).under(protocol)
    if max_frames is not None:
        data = data.first_frames(max_frames)
    _say_left_out(data)
    parallel = CLUSTER if dask else workers
    threads = threads or (1 if parallel != 1 else min(usable_cores(), MOST_THREADS))
    contenders = _contenders(weights or [], rival or [], more or [], engine, threads, config)
    command = shlex.join(["python", *sys.argv])
    with dask_cluster(dask) if dask else nullcontext():
        outcomes, problems = [], []
        for contender in contenders:
            results = _run(contender, data, output, parallel, threads)
            outcomes.append(Outcome(contender, results, command, threads, max_frames))
            problems += _written(write_results, outcomes[-1], output)
            problems += _submit(outcomes[-1], output)
    problems += _written(write_report, output, outcomes)
    print_table(outcomes)
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)
    _end(outcomes, problems)


def _contenders(
    weights: list[Path],
    rivals: list[str],
    more: list[str],
    engine: Engine,
    threads: int,
    config: Path | None,
) -> list[Contender]:
    """All trackers; the words that follow the first of an option are told apart by their form."""
    rivals = [*rivals, *(word for word in more if is_rival(word))]
    files = [*weights, *(Path(word) for word in more if not is_rival(word))]
    ours = siamfc_contenders(files, engine, threads, config)
    return check_names([*ours, *map(rival_contender, dict.fromkeys(rivals))])


def _run(contender: Contender, data: Dataset, output: Path, workers: int, threads: int) -> Results:
    """One tracker over the data, with a bar that counts frames."""
    archive = Archive(output / contender.name, contender.identity, contender.code, threads)
    with progress_bar() as bar:
        runs = [run for sequence in data.sequences for run in runs_of(sequence, data.protocol)]
        task = bar.add_task(contender.name, total=sum(run.frames for run in runs), note="")

        def tick(run: Run, kept: bool) -> None:
            bar.update(task, advance=run.frames, note=run.path + " (done before)" * kept)

        return evaluate_tracker(
            contender.make, data, workers=workers, threads=threads, archive=archive, on_run=tick
        )


def _written(write: Callable[..., object], *what: object) -> list[str]:
    """Writes something, and gives the line that says why it cannot be written, if it cannot."""
    try:
        write(*what)
    except InputError as error:
        return [str(error)]
    return []


def _submit(outcome: Outcome, output: Path) -> list[str]:
    """The zip for the server of GOT-10k's test split, and what is wrong with it."""
    if outcome.results.dataset.scored:
        return []
    name = outcome.contender.name
    if outcome.max_frames:
        return [f"there is no zip of {name}, since the server takes whole sequences alone"]
    path = output / name / f"{name}.zip"
    try:
        faults = write_submission(path, outcome.results)
    except InputError as error:
        return [str(error)]
    return [f"the server will refuse {path}: {'; '.join(faults[:5])}"] if faults else []


def _say_left_out(data: Dataset) -> None:
    for line in by_reason(data.left_out):
        _remark(f"left out: {line}")


def _end(outcomes: Sequence[Outcome], problems: list[str]) -> None:
    """Says in one line what is missing, with exit status 1, if anything is."""
    missing = {o.contender.name: _missing(o.results.dataset) for o in outcomes}
    if len(set(missing.values())) == 1:
        lines = [missing[outcomes[0].contender.name]]
    else:
        lines = [f"{name} lacks {text}" for name, text in missing.items() if text]
    lines = [*filter(None, lines), *problems]
    if lines:
        _remark(f"something is missing: {'; '.join(lines)}")
        raise typer.Exit(1)


def _missing(data: Dataset) -> str:
    if not data.left_out:
        return ""
    reasons = "; ".join(by_reason(data.left_out, shown=5))
    return f"{len(data.left_out)} of {data.listed} sequences ({reasons})"


def _remark(text: str) -> None:
    console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf evaluate", evaluate)
