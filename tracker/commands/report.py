"""Makes the report of an evaluation again, or compares several evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, run_tool
from rbsf.errors import InputError

from ..evaluation.report import write_pool, write_report


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...",
            help="A folder that was given to evaluate as --output, or one tracker's folder in it.",
        ),
    ],
    compare: Annotated[
        bool, typer.Option("--compare", help="Makes one report on all the folders together.")
    ] = False,
    pool: Annotated[
        bool,
        typer.Option("--pool", help="Takes the sequences of several benchmarks as one sample."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder for the report. By default it is written into DIR."),
    ] = None,
    focus: Annotated[
        str | None,
        typer.Option(help="The tracker that the report is about, with which others are compared."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="The data set's folder, if it is not where it was evaluated."),
    ] = None,
    strips: Annotated[
        str | None,
        typer.Option(
            help="The sequences whose frames are shown, as A,B. By default the worst ones."
        ),
    ] = None,
) -> None:
    """Makes the report of an evaluation again, or compares several evaluations.

    Writes report.html, which opens in any browser and needs no network, report.md, and every figure
    as PNG and PDF in figures/. With --compare, a tracker is called better only where the interval
    of a paired bootstrap over the sequences says so. With --pool, the sequences of all benchmarks
    are taken as one sample, which tells more than a few of each; that writes pooled.md alone.

    Examples:

    - `rbsf report results/otb`

    - `rbsf report results/otb results/uav123 --focus rbsf`

    - `rbsf report --compare results/before results/after --output results/comparison`

    - `rbsf report --pool results/otb results/uav123 results/val --output results/pooled`

    - `rbsf report results/otb --strips Girl,Skiing --output talk`
    """
    chosen = [name.strip() for name in strips.split(",")] if strips else None
    if compare and pool:
        raise InputError(
            "--compare is about one benchmark and --pool about several: give one of them"
        )
    if (compare or pool) and output is None:
        raise InputError(
            f"--{'pool' if pool else 'compare'} needs --output, the folder for the report"
        )
    if pool:
        _say(write_pool(folders, output or Path(), focus))
        return
    if not compare and output is not None and len(folders) > 1:
        raise InputError("--output takes the report of one folder; --compare joins several in one")
    if compare:
        _say(write_report(folders, output or Path(), focus, root, chosen))
        return
    for folder in folders:
        _say(write_report([folder], output or folder, focus, root, chosen))


def _say(page: Path) -> None:
    console.print(f"written to {page}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf report", report)
