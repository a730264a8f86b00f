"""Measures the paper's Table 5: its trackers and others on OTB, UAV123 and GOT-10k."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from rbsf.console import console, run_tool
from rbsf.embedder import SHIPPED_RBSF, SHIPPED_TEACHER
from rbsf.errors import InputError

from ..evaluation.report import paper
from ..evaluation.report.folders import Entry, read_entries
from ..evaluation.report.study import Study, make_study
from ..evaluation.report.table5 import Block, listed_block, whole_block, write_table5
from ..evaluation.rivals import is_rival
from .evaluate import evaluate
from .options import command_line

SHIPPED_FILES = (SHIPPED_RBSF, SHIPPED_RBSF.with_name("xnor_sf.rbsf"), SHIPPED_TEACHER)
"""RB-SF, which the reports are about, XNOR-SF and SiamFC: the paper's columns."""


def table5(
    output: Annotated[Path, typer.Option(help="The folder for the table and all results.")],
    otb: Annotated[Path | None, typer.Option(help="OTB's folder, whole or in part.")] = None,
    uav123: Annotated[Path | None, typer.Option(help="UAV123's folder, whole or in part.")] = None,
    got10k: Annotated[
        Path | None, typer.Option(help="GOT-10k's folder. Its val split is measured.")
    ] = None,
    weights: Annotated[
        list[Path] | None,
        typer.Option(help="Weights to measure besides the shipped ones. Several may follow."),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(help="Rivals to measure, named as for evaluate. Several may follow."),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[MORE]...")] = None,
    otb50: Annotated[
        Literal["otb2013", "otb50"],
        typer.Option(
            help="The list behind the paper's OTB50: the 51 sequences of OTB-2013, which it cites, "
            "or the 50 of TB-50."
        ),
    ] = "otb2013",
    max_frames: Annotated[
        int | None,
        typer.Option(min=2, help="How many first frames of each sequence are tracked."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="The number of processes. Speed is measured with 1 alone.")
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="How many threads the network may use."),
    ] = None,
) -> None:
    """Measures the paper's Table 5: its trackers and others on OTB, UAV123 and GOT-10k.

    Writes table5.md and table5.tex, the measured figures beside the paper's, and the results and
    the report of each benchmark. It may be stopped and started again. The exit status is 1 if
    sequences are missing; the table says how many were measured.

    Examples:

    - `rbsf table5 --otb data/otb --uav123 data/uav123 --got10k data/got10k --output results/table5`

    - `rbsf table5 --otb data/otb --weights runs/rbsf/best.safetensors --rival csrt kcf
      --output results/table5`
    """
    roots = {"otb100": otb, "uav123": uav123, "got10k-val": got10k}
    if not any(roots.values()):
        raise InputError("give at least one of --otb, --uav123 and --got10k")
    files, rivals = _trackers(weights or [], rival or [], more or [])
    studies: dict[str, Study] = {}
    complete = True
    for dataset, root in roots.items():
        if root is None:
            continue
        folder = output / dataset
        with redirect_stdout(sys.stderr):  # of all results, the table alone is the answer
            try:
                evaluate(
                    dataset=dataset,
                    root=root,
                    output=folder,
                    weights=files,
                    rival=rivals,
                    max_frames=max_frames,
                    workers=workers,
                    threads=threads,
                )
            except typer.Exit:  # something is missing, and was named
                complete = False
        studies[dataset] = make_study(_measured(folder), root=root)
    typer.echo(write_table5(_blocks(studies, otb50), output))
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)
    if not complete:
        raise typer.Exit(1)


def _trackers(
    weights: list[Path], rivals: list[str], more: list[str]
) -> tuple[list[Path], list[str]]:
    """All weights files, the shipped ones first, and all rivals."""
    shipped = [file for file in SHIPPED_FILES if file.is_file()]
    if len(shipped) < len(SHIPPED_FILES):
        console.print(
            f"without {SHIPPED_TEACHER.name}, which comes with a clone of the repository alone",
            style="yellow",
            highlight=False,
        )
    given = [*weights, *(Path(word) for word in more if not is_rival(word))]
    return [*shipped, *given], [*rivals, *(word for word in more if is_rival(word))]


def _measured(folder: Path) -> list[Entry]:
    """The trackers that this command measured; the folder may hold those of others."""
    command = command_line()
    return [entry for entry in read_entries([folder]) if entry.results.command == command]


def _blocks(studies: dict[str, Study], otb50: str) -> Sequence[Block]:
    """The rows of the table in the paper's order, as far as there is data."""
    blocks = []
    if "got10k-val" in studies:
        val = whole_block(paper.GOT10K, studies["got10k-val"], "val split", frame_weighted=True)
        blocks.append(val)
    if "otb100" in studies:
        blocks.append(listed_block(paper.OTB50, studies["otb100"], otb50))
        blocks.append(whole_block(paper.OTB100, studies["otb100"], "OTB-100"))
    if "uav123" in studies:
        blocks.append(whole_block(paper.UAV123, studies["uav123"], "UAV123"))
    return blocks


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf table5", table5)
