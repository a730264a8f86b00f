"""Measures speed on this machine."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbsf.console import run_tool

if TYPE_CHECKING:
    from rbsf.train.measure import Measurement

CONFIGS = Path(__file__).parents[1] / "configs"


def benchmark() -> None:
    """Measure speed on this machine.

    Examples:

        python tools/benchmark.py train --data path/to/data --threads 2
    """


def train(
    config: Annotated[
        Path,
        typer.Option(help="The student's settings, YAML.", show_default="configs/rbsf_small.yaml"),
    ] = CONFIGS / "rbsf_small.yaml",
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Teacher's checkpoint; the config's or shipped one if none.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps to time of each kind.")] = 20,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    output: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Pairs a second of the teacher's step, of RB-SF's step, and of the data that feeds them.

    The three are timed in turn, so that what else the machine does falls on all alike.

    Examples:

        python tools/benchmark.py train --data path/to/data --threads 2 --json train.json

        python tools/benchmark.py train --data path/to/data --device cuda --steps 50
    """
    import torch

    from rbsf.train.measure import measure_training
    from rbsf.train.run import override
    from rbsf.train.settings import StudentSettings

    settings = override(StudentSettings, config, data)
    changes = {"device": device} | ({"teacher": str(teacher)} if teacher else {})
    if threads is not None:
        torch.set_num_threads(threads)
    measured = measure_training(settings.model_copy(update=changes), steps)
    told = figures(measured)
    show(told)
    if output is not None:
        partial = output.with_name(f"{output.name}.partial")
        partial.write_text(json.dumps(told, indent=1) + "\n")
        os.replace(partial, output)


def figures(measured: Measurement) -> dict[str, Any]:
    """The measurement as it is written to a file."""
    rows = [
        {
            "name": speed.name,
            "pairs_per_s_median": speed.median,
            "pairs_per_s_min": min(speed.rounds),
            "pairs_per_s_max": max(speed.rounds),
            "data_ratio": measured.data_ratio(speed),
        }
        for speed in measured.speeds
    ]
    command = shlex.join(["python", *sys.argv])
    return {**measured._asdict(), "speeds": rows, "command": command}


def show(told: dict[str, Any]) -> None:
    """Prints a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "pairs/s", "min", "max", "data is faster by")
    for row in told["speeds"]:
        values = (row[f"pairs_per_s_{name}"] for name in ("median", "min", "max"))
        table.add_row(row["name"], *(f"{v:.1f}" for v in values), f"{row['data_ratio']:.1f}x")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(
        f"{told['machine']}, {told['threads']} threads, torch {told['torch']}, "
        f"{told['precision']}, batch {told['batch']}\n{told['command']}"
    )


if __name__ == "__main__":
    run_tool(benchmark, train)
