"""Measures speed on this machine."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbsf.config import CONFIGS
from rbsf.console import console, run_tool
from rbsf.errors import InputError
from rbsf.files.atomic import write_text

if TYPE_CHECKING:
    from ..benchmark.training import Measurement


class Part(str, Enum):
    """What can be measured."""

    network = "network"
    tracker = "tracker"
    layers = "layers"
    memory = "memory"


def benchmark(
    context: typer.Context,
    threads: Annotated[int, typer.Option(min=1, help="Of everything that is timed.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds of every contestant.")] = 15,
    only: Annotated[
        list[Part] | None, typer.Option(help="What to measure. Repeatable; all if none.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Frames to track; without: a clip rendered here.")
    ] = None,
    bbox: Annotated[str | None, typer.Option(help="The target in --video: x,y,w,h.")] = None,
    output: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
    plot: Annotated[Path | None, typer.Option(help="File for a bar chart, .png.")] = None,
) -> None:
    """Times the packed engine and its rivals in turn, in one process, on this machine.

    `network`: three crops of 255x255. `tracker`: a whole frame. `layers`: the packed engine's
    layers, with GMAC/s. `memory`: what a process costs that tracks and does nothing else. A rival
    that is not installed is left out, and said so: pip install 'rbsf[rivals]' brings all.

    Examples:

    `rbsf benchmark --threads 1 --json speed.json --plot speed.png`

    `rbsf benchmark --only network --only layers --repeats 5`

    `rbsf benchmark --only tracker --video clip.mp4 --bbox 612,290,72,72`

    `rbsf benchmark train --data path/to/data --threads 2`
    """
    if context.invoked_subcommand:
        return
    _check_files(output, plot)
    box = _box(video, bbox)
    from ..benchmark.machine import command_line, restart_with_threads, set_threads

    restart_with_threads(threads)
    set_threads(threads)
    from ..benchmark.speed import measure_speed, scene_clip, video_clip

    parts = [part.value for part in only or Part]
    clip = video_clip(video, box) if video and box else scene_clip()
    told = measure_speed(parts, threads, repeats, clip, console.print)
    told = {**told, "command": command_line()}
    show(told)
    if output is not None:
        _write_json(told, output)
    if plot is not None and told["rows"]:
        from ..benchmark.plot import plot_rows

        plot_rows(told, plot)


def _check_files(output: Path | None, plot: Path | None) -> None:
    """Minutes of measuring end in a file that can be written."""
    for file in (output, plot):
        if file is not None and not file.parent.is_dir():
            raise InputError(f"cannot write {file}: there is no folder {file.parent}")
    if plot is not None and plot.suffix not in {".pdf", ".png", ".svg"}:
        raise InputError(f"{plot} must end in .pdf, .png or .svg")


def _box(video: Path | None, bbox: str | None) -> list[float] | None:
    if (video is None) != (bbox is None):
        raise InputError("--video and --bbox x,y,w,h go together")
    try:
        return [float(part) for part in bbox.split(",")] if bbox else None
    except ValueError:
        raise InputError(f"--bbox {bbox!r} is not four numbers x,y,w,h") from None


def _write_json(told: dict[str, Any], output: Path) -> None:
    write_text(output, json.dumps(told, indent=1) + "\n")


def show(told: dict[str, Any]) -> None:
    """Prints tables."""
    from rich.console import Console
    from rich.table import Table

    out = Console(highlight=False, soft_wrap=True)
    for what in dict.fromkeys(row["what"] for row in told["rows"]):
        table = Table(what, "ms", "min", "max", "times packed")
        for row in (row for row in told["rows"] if row["what"] == what):
            values = (f"{row[f'ms_{name}']:.2f}" for name in ("median", "min", "max"))
            ratio = row["ratio_to_packed"]
            table.add_row(row["name"], *values, "" if ratio is None else f"{ratio:.2f}")
        out.print(table)
    for line in told.get("left_out", []):
        out.print(line)
    if "layers" in told:
        layers = told["layers"]
        table = Table("layer", "kind", "ms", "GMAC", "GMAC/s", "times fp32 peak")
        for row in layers["rows"]:
            values = (f"{row[key]:.2f}" for key in ("ms_median", "gmac", "gmac_per_s"))
            table.add_row(row["name"], row["kind"], *values, f"{row['times_fp32_peak']:.1f}")
        out.print(table)
        peak = layers["fp32_peak_gmac_per_s"]
        out.print(f"kernels {layers['path']}; fp32 matrix product {peak:.1f} GMAC/s")
    if "memory" in told:
        memory = told["memory"]
        out.print(
            f"tracking alone: {memory['peak_mb']:.0f} MB at the most, first frame tracked after "
            f"{memory['start_s']:.2f} s, engine {memory['engine']} {memory['path']}, "
            f"torch {'imported' if memory['torch'] else 'not imported'}"
        )
    machine = told["machine"]
    versions = ", ".join(f"{name} {found}" for name, found in machine["versions"].items())
    out.print(
        f"{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['flags'])}\n{versions}\n"
        f"{told['threads']} threads, {told['repeats']} rounds, frames of "
        f"{'x'.join(map(str, told['frame']))}, weights {told['weights_sha256'][:12]}\n"
        f"{told['command']}"
    )


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

    `rbsf benchmark train --data path/to/data --threads 2 --json train.json`

    `rbsf benchmark train --data path/to/data --device cuda --steps 50`
    """
    import torch

    from rbsf.train.run import override
    from rbsf.train.settings import StudentSettings

    from ..benchmark.training import measure_training

    settings = override(StudentSettings, config, data)
    changes = {"device": device} | ({"teacher": str(teacher)} if teacher else {})
    if threads is not None:
        torch.set_num_threads(threads)
    measured = measure_training(settings.model_copy(update=changes), steps)
    told = training_figures(measured)
    show_training(told)
    if output is not None:
        _write_json(told, output)


def training_figures(measured: Measurement) -> dict[str, Any]:
    """The measurement as it is written to a file."""
    from ..benchmark.machine import command_line

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
    return {**measured._asdict(), "speeds": rows, "command": command_line()}


def show_training(told: dict[str, Any]) -> None:
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


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf benchmark", benchmark, train)
