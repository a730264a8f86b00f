"""Makes the paper's Tables 2, 3, 4 and 6, with our figures beside the paper's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, run_tool

from ..evaluation.report.measured_tables import read_runs, write_tables
from .options import check_folder


def tables(
    output: Annotated[Path, typer.Option(help="The folder for the tables.")],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUNS]...", help="Folders of trainings of classifiers, at any depth."
        ),
    ] = None,
) -> None:
    """Makes the paper's Tables 2, 3, 4 and 6, each as markdown and LaTeX.

    Cells without a run stay empty and are named. A figure is that of a training's last epoch, and
    trainings that differ in nothing but their seed share a cell. Table 5, which is about tracking,
    is made by `rbsf table5`.

    Examples:

    - `rbsf tables runs/classify runs/binarizers --output results/tables`
    """
    for folder in runs or []:
        check_folder(folder, "RUNS", "a folder of trainings")
    typer.echo(write_tables(read_runs(runs or []), _table6(), output))
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)


def _table6() -> list[list[str]]:
    """Our rows of Table 6. RBCN and XNOR-Net are counted alike there."""
    from rbsf.account import table6
    from rbsf.nn import NetworkSettings, make_classifier

    settings = NetworkSettings(stem="large", classes=1000)
    real, binary = table6(make_classifier(settings)), table6(make_classifier(settings, "rbcn"))
    memory = [f"{count / 1e6:.1f}" for count in (binary.memory, real.memory)]
    flops = [f"{count:.2e}".replace("e+0", "e") for count in (binary.flops, real.flops)]
    saving, speedup = real.memory / binary.memory, real.flops / binary.flops
    return [
        [memory[0], *memory],
        [f"{saving:.2f}x", f"{saving:.2f}x", "-"],
        [flops[0], *flops],
        [f"{speedup:.2f}x", f"{speedup:.2f}x", "-"],
    ]


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf tables", tables)
