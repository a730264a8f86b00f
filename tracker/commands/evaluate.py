"""Measures trackers on a benchmark: their accuracy and speed, beside rivals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool
from rbsf.cores import usable_cores
from rbsf.embedder import Engine
from rbsf.engine.packed import MOST_THREADS
from rbsf.errors import InputError
from rbsf.extras import needs_extra
from rbsf.files.lock import alone_in

from ..evaluation.archive import Archive
from ..evaluation.cluster import dask_cluster
from ..evaluation.contenders import Contender, check_names, our_contenders
from ..evaluation.datasets import BENCHMARKS, Dataset, load_dataset
from ..evaluation.lost import LostFigures
from ..evaluation.lost_table import print_lost
from ..evaluation.protocols import Protocol, Run, runs_of
from ..evaluation.report import write_report
from ..evaluation.result_file import Outcome, write_results
from ..evaluation.results import Results
from ..evaluation.rivals import is_rival, rival_contender
from ..evaluation.runner import evaluate_tracker
from ..evaluation.sequence import by_reason
from ..evaluation.step_report import ask, print_steps, write_steps
from ..evaluation.submission import write_submission
from ..evaluation.table import print_table
from .options import check_file, command_line

KNOWN = ", ".join(BENCHMARKS)
ALL_OF_THE_CLUSTER = -1
"""The number of processes that stands for as many as joblib's backend has."""


def evaluate(
    dataset: Annotated[str, typer.Option(help=f"The benchmark, one of {KNOWN}.")],
    root: Annotated[Path, typer.Option(help="The benchmark's folder.")],
    output: Annotated[Path, typer.Option(help="The folder for results, boxes and the report.")],
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            help="The weights to measure. Several files may follow. Without any, the RB-SF that "
            "comes with the package is measured."
        ),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(
            help="A tracker of OpenCV's to measure as well: csrt, kcf, mil, nano:BACKBONE,HEAD or "
            "vit:FILE. Several may follow."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="MORE")] = None,
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="How often a tracker runs on each sequence: once (ope), from 12 first boxes that "
            "are moved or scaled by 10 or 20% (sre), or from 20 frames along the sequence (tre)."
        ),
    ] = "ope",
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = "auto",
    sequences: Annotated[
        str | None, typer.Option(help="Only these sequences are measured, as in A,B,C.")
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option(min=2, help="Only so many frames of each sequence are tracked.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="The number of processes. Speed is measured with 1 alone.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many threads the network and OpenCV may use in each process. The default is "
            "one for each core, or one where several processes run.",
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(help="The scheduler of a Dask cluster to run on, as in tcp://host:8786."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file with settings of our tracker.")
    ] = None,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost",
            help="Also report whether each tracker knows when it has lost its target, and how soon "
            "it finds it again. The dataset absent is made for that.",
        ),
    ] = False,
    single_step: Annotated[
        bool,
        typer.Option(
            "--single-step",
            help="Only ask each of our trackers for one step at a time, from boxes that are nearly "
            "right. That takes minutes where tracking takes hours, so it can tell networks apart.",
        ),
    ] = False,
) -> None:
    """Measures trackers on a benchmark: their accuracy and speed, beside rivals.

    Writes results.json, boxes/ and scores/ for each tracker, and a report on all of them:
    report.html, which opens in any browser, report.md, and every figure as PNG and PDF in figures/.
    A run that was stopped goes on where it was: what is done and unchanged is not run again.
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

    - `rbsf evaluate --dataset absent --root data/otb --lost --output results/absent`

    - `rbsf evaluate --dataset otb --root data/otb --single-step --output results/steps`
    """
    files, rivals = _by_form(weights or [], rival or [], more or [])
    check_file(config, "--config")
    if single_step and (lost or protocol != "ope"):
        raise InputError("--single-step tracks nothing: leave out --lost and --protocol")
    wanted = [name.strip() for name in sequences.split(",")] if sequences else None
    data = load_dataset(dataset, root, wanted).under(protocol)
    if max_frames is not None:
        data = data.first_frames(max_frames)
    for line in by_reason(data.left_out):
        _remark(f"left out: {line}")
    processes = ALL_OF_THE_CLUSTER if dask else workers
    threads = threads or (1 if processes != 1 else min(usable_cores(), MOST_THREADS))
    ours = our_contenders(files, engine, threads, config)
    contenders = check_names([*ours, *map(rival_contender, rivals)])
    if single_step:
        _ask_single_steps(contenders, data, output)
        return
    outcomes, problems = [], []
    with ExitStack() as stack:
        for contender in contenders:
            stack.enter_context(alone_in(output / contender.name))
        stack.enter_context(dask_cluster(dask) if dask else nullcontext())
        for contender in contenders:
            results = _run(contender, data, output, processes, threads)
            figures = LostFigures.of_results(results) if lost else None
            outcomes.append(
                Outcome(contender, results, command_line(), threads, max_frames, figures)
            )
            problems += _written(write_results, outcomes[-1], output)
            problems += _submit(outcomes[-1], output)
    problems += _written(_report, output, outcomes)
    print_table(outcomes)
    if lost:
        print_lost(outcomes)
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)
    _end(outcomes, problems)


def _by_form(
    weights: list[Path], rivals: list[str], more: list[str]
) -> tuple[list[Path], list[str]]:
    """Weights and rivals, each once. The words that follow an option's first go by their form."""
    files = [*weights, *(Path(word) for word in more if not is_rival(word))]
    for file in files:
        check_file(file, "--weights")
    named = [*rivals, *filter(is_rival, more)]
    return list(dict.fromkeys(files)), list(dict.fromkeys(named))


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


def _ask_single_steps(contenders: Sequence[Contender], data: Dataset, output: Path) -> None:
    """Asks every tracker for single steps, and says what is left out as `evaluate` does."""
    asked = []
    with progress_bar() as bar:
        for contender in contenders:
            task = bar.add_task(contender.name, total=len(data.sequences), note="")
            steps = ask(contender, data, partial(bar.update, task, advance=1))
            write_steps(contender, steps, data, command_line(), output)
            asked.append((contender, steps))
    print_steps(asked)
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)
    if missing := _missing(data):
        _remark(f"something is missing: {missing}")
        raise typer.Exit(1)


def _written(write: Callable[..., object], *what: object) -> list[str]:
    """Writes something, and gives the line that says why it cannot be written, if it cannot."""
    try:
        write(*what)
    except InputError as error:
        return [str(error)]
    return []


def _report(output: Path, outcomes: Sequence[Outcome]) -> None:
    """The report on all trackers that have figures; it is about the first."""
    names = [
        outcome.contender.name
        for outcome in outcomes
        if outcome.results.dataset.scored and outcome.results.scores
    ]
    if names:
        with needs_extra("the report"):
            write_report([output / name for name in names], output, focus=names[0])


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
