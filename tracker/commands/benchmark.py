"""Measures speed and memory on this machine."""

from __future__ import annotations

import json
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rbsf.config import CONFIGS
from rbsf.console import console, run_tool
from rbsf.embedder import engine_in_words, load_embedder
from rbsf.engine.box_answer import has_box_head
from rbsf.errors import InputError
from rbsf.extras import missing_package
from rbsf.files.atomic import write_text

from ..output.check import check_output
from .options import (
    BBOX_FORM,
    Data,
    Json,
    check_file,
    check_folder,
    check_weights,
    command_line,
    parse_bbox,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ..benchmark.speed import Clip, Follower
    from ..benchmark.training import Measurement


class Part(str, Enum):
    """What can be measured."""

    network = "network"
    tracker = "tracker"
    layers = "layers"
    memory = "memory"


def benchmark(
    context: typer.Context,
    threads: Annotated[
        int, typer.Option(min=1, help="The number of threads of everything that is timed.")
    ] = 1,
    repeats: Annotated[
        int, typer.Option(min=1, help="The number of rounds in which every contestant is timed.")
    ] = 15,
    only: Annotated[
        list[Part] | None,
        typer.Option(help="Measure only this part. Repeat the option for several parts."),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(help="The video to track in. Without this option, a clip is rendered."),
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="The target's box in the first frame of --video: left, top, width and height in "
            "pixels, joined by commas.",
        ),
    ] = None,
    box: Annotated[
        Path | None,
        typer.Option(
            help="The network with a box head that is timed as rbsf-box in the part tracker. "
            "Without this option, the one that comes with the package."
        ),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(
            help="A tracker of OpenCV's for the parts tracker and memory: csrt, kcf, mil, "
            "nano:BACKBONE,HEAD or vit:FILE. Repeat the option for several."
        ),
    ] = None,
    output: Json = None,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw a bar chart into this .png, .svg or .pdf file.")
    ] = None,
) -> None:
    """Times the packed engine and its rivals in turn, in one process, on this machine.

    The part `network` times three crops of 255x255, and `tracker` times a whole frame. `layers`
    times each layer of the packed engine. `memory` measures processes that track and do nothing
    else. A rival that is not installed is left out, and a line says so: pip install 'rbsf[rivals]'
    brings all of them.

    Examples:

    `rbsf benchmark --threads 1 --json speed.json --plot speed.png`

    `rbsf benchmark --only network --only layers --repeats 5`

    `rbsf benchmark --only tracker --video clip.mp4 --bbox 612,290,72,72`

    `rbsf benchmark --only tracker --rival csrt --rival nano:backbone.onnx,head.onnx`

    `rbsf benchmark train --data path/to/data --threads 2`

    `rbsf benchmark classify --threads 1 --json classify.json`
    """
    if context.invoked_subcommand:
        return
    from ..benchmark.machine import restart_with_threads, set_threads
    from ..benchmark.plot import PLOT_SUFFIXES, plot_rows
    from ..benchmark.speed import measure_speed, scene_clip

    if output is not None:
        check_output(output)
    if plot is not None:
        check_output(plot, PLOT_SUFFIXES)
        if find_spec("matplotlib") is None:
            raise InputError(missing_package("--plot", "matplotlib"))
    check_weights(box, "--box")
    clip = _video(video, bbox)
    restart_with_threads(threads)
    set_threads(threads)
    parts = [part.value for part in only or Part]
    rivals = rival or []
    trackers = _trackers(box, rivals, threads) if Part.tracker.value in parts else {}
    clip = clip or scene_clip()
    figures = measure_speed(parts, threads, repeats, clip, console.print, trackers, rivals)
    figures = {**figures, "command": command_line()}
    show(figures)
    if output is not None:
        _write_json(figures, output)
    if plot is not None and figures["rows"]:
        plot_rows(figures, plot)


def _video(video: Path | None, bbox: str | None) -> Clip | None:
    """Reads the user's video, if one was given."""
    from ..benchmark.speed import video_clip

    if video is None and bbox is None:
        return None
    if video is None or bbox is None:
        raise InputError(f"--video and {BBOX_FORM} go together: give both, or neither")
    return video_clip(video, lambda frame_size: parse_bbox(bbox, frame_size))


def _trackers(box: Path | None, rivals: list[str], threads: int) -> dict[str, Follower]:
    """The tracker with box regression and the rivals, by the names of their rows."""
    from ..evaluation.rivals import rival_contender
    from ..loop.box_tracker import BoxTracker

    network = load_embedder(box, threads=threads)
    if not has_box_head(network):
        raise InputError(f"--box {box} has no box head: give a network that has one")
    found: dict[str, Follower] = {"rbsf-box": BoxTracker(network)}
    for word in rivals:
        contender = rival_contender(word)
        name = contender.name.replace("_", "-")
        found[f"opencv-{name}" if name == word else name] = contender.make()
    return found


def _write_json(figures: dict[str, Any], output: Path) -> None:
    write_text(output, json.dumps(figures, indent=1) + "\n")


def show(figures: dict[str, Any]) -> None:
    """Prints the figures of `measure_speed` as tables."""
    from rich.console import Console

    out = Console(highlight=False, soft_wrap=True)
    for what in dict.fromkeys(row["what"] for row in figures["rows"]):
        _show_rows(out, what, [row for row in figures["rows"] if row["what"] == what])
    for line in figures["left_out"]:
        out.print(line, markup=False)
    if "layers" in figures:
        _show_layers(out, figures["layers"])
    if "memory" in figures:
        _show_memory(out, figures["memory"])
    machine = figures["machine"]
    versions = ", ".join(f"{name} {found}" for name, found in machine["versions"].items())
    out.print(
        f"{machine['cpu']}, {machine['cores']} cores, {' '.join(machine['flags'])}\n"
        f"{versions}; rbsf imported from {machine['package']}\n"
        f"{figures['threads']} threads, {figures['repeats']} rounds, frames of "
        f"{'x'.join(map(str, figures['frame']))}, weights {figures['weights_sha256'][:12]}\n"
        f"{figures['command']}",
        markup=False,
    )


def _show_rows(out: Console, what: str, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(what, "ms", "min", "max", "times packed")
    for row in rows:
        values = (f"{row[f'ms_{name}']:.2f}" for name in ("median", "min", "max"))
        ratio = row["ratio_to_packed"]
        table.add_row(row["name"], *values, "" if ratio is None else f"{ratio:.2f}")
    out.print(table)


def _show_layers(out: Console, layers: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("layer", "kind", "ms", "GMAC", "GMAC/s", "times fp32 peak")
    for row in layers["rows"]:
        values = (f"{row[key]:.2f}" for key in ("ms_median", "gmac", "gmac_per_s"))
        table.add_row(row["name"], row["kind"], *values, f"{row['times_fp32_peak']:.1f}")
    out.print(table)
    peak = layers["fp32_peak_gmac_per_s"]
    out.print(f"kernels {layers['path']}; an fp32 matrix product runs at {peak:.1f} GMAC/s")


def _show_memory(out: Console, memory: dict[str, Any]) -> None:
    out.print(
        f"memory at most: {memory['peak_mb']:.0f} MB from Python, "
        f"{memory['command_peak_mb']:.0f} MB for rbsf track, "
        f"{memory['video_peak_mb']:.0f} MB with --output\n"
        f"the first frame was tracked {memory['start_s']:.2f} s after the start; "
        f"engine {engine_in_words(memory['engine'], memory['path'])}, "
        f"torch {'was' if memory['torch'] else 'was not'} imported, "
        f"rbsf imported from {memory['package']}",
        markup=False,
    )
    for name, peak_mb in memory["rivals_peak_mb"].items():
        out.print(f"memory of {name} at most: {peak_mb:.0f} MB from Python", highlight=False)
    if memory["missing_kernels"]:
        out.print(f"the packed engine did not run: {memory['missing_kernels']}", markup=False)


def train(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the student's settings.",
            show_default="configs/rbsf_small.yaml",
        ),
    ] = CONFIGS / "rbsf_small.yaml",
    data: Data = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            help="The teacher's checkpoint. Without this option, the one that the settings name, "
            "or the shipped teacher."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="The number of threads that torch uses.")
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, help="The number of rounds in which everything is timed.")
    ] = 20,
    device: Annotated[
        str, typer.Option(help="The device to train on: auto, cpu, cuda or cuda:N.")
    ] = "auto",
    output: Json = None,
) -> None:
    """Measures the pairs per second of the teacher's step, of RB-SF's step, and of the data.

    It also measures the pictures per second of a small WRN-22, real and with all of RBCN. All take
    turns, so that other work on the machine slows all alike.

    Examples:

    `rbsf benchmark train --data path/to/data --threads 2 --json train.json`

    `rbsf benchmark train --data path/to/data --device cuda --steps 50`
    """
    check_file(config, "--config")
    check_folder(data, "--data", "the folder that holds the data sources")
    check_weights(teacher, "--teacher")
    if output is not None:
        check_output(output)
    import torch

    from rbsf.train.run import override
    from rbsf.train.settings import StudentSettings

    from ..benchmark.training import measure_training

    settings = override(StudentSettings, config, data)
    changes = {"device": device} | ({"teacher": str(teacher)} if teacher else {})
    if threads is not None:
        torch.set_num_threads(threads)
    measured = measure_training(settings.model_copy(update=changes), steps)
    figures = training_figures(measured)
    show_training(figures)
    if output is not None:
        _write_json(figures, output)


def training_figures(measured: Measurement) -> dict[str, Any]:
    """Returns the measurement as it is written to a file."""
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


def show_training(figures: dict[str, Any]) -> None:
    """Prints the figures of a training benchmark as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "pairs or pictures/s", "min", "max", "data is faster by")
    for row in figures["speeds"]:
        values = (row[f"pairs_per_s_{name}"] for name in ("median", "min", "max"))
        ratio = "" if row["data_ratio"] is None else f"{row['data_ratio']:.1f}x"
        table.add_row(row["name"], *(f"{v:.1f}" for v in values), ratio)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(
        f"{figures['machine']}, {figures['threads']} threads, torch {figures['torch']}, "
        f"{figures['precision']}, batch {figures['batch']}\n{figures['command']}"
    )


def classify(
    threads: Annotated[
        int, typer.Option(min=1, help="The number of threads of everything that is timed.")
    ] = 1,
    repeats: Annotated[
        int, typer.Option(min=1, help="The number of rounds in which every contestant is timed.")
    ] = 15,
    side: Annotated[
        int, typer.Option(min=32, max=1024, help="The rows and columns of the picture.")
    ] = 224,
    output: Json = None,
) -> None:
    """Times a binary ResNet-18 on the packed engine, and the real one on other runtimes, in turn.

    It also shows the time of each layer of the packed network beside its share of the FLOPs that
    the paper counts. The weights are random, which changes no time.

    Examples:

    `rbsf benchmark classify --threads 1 --json classify.json`
    """
    if output is not None:
        check_output(output)
    from ..benchmark.classify import measure_classifier
    from ..benchmark.machine import restart_with_threads, set_threads

    restart_with_threads(threads)
    set_threads(threads)
    figures = measure_classifier(side, threads, repeats, console.print)
    figures = {**figures, "command": command_line()}
    show_classifier(figures)
    if output is not None:
        _write_json(figures, output)


def show_classifier(figures: dict[str, Any]) -> None:
    """Prints the figures of `measure_classifier` as tables."""
    from rich.console import Console
    from rich.table import Table

    out = Console(highlight=False, soft_wrap=True)
    _show_rows(out, "ResNet-18", figures["rows"])
    for line in figures["left_out"]:
        out.print(line, markup=False)
    if "layers" in figures:
        total = sum(row["ms_median"] for row in figures["layers"])
        table = Table("layer", "kind", "ms", "share of the time", "of the FLOPs", "GMAC/s")
        for row in figures["layers"]:
            ms, gmac = row["ms_median"], row["gmac"]
            rate = f"{gmac / ms * 1e3:.0f}" if gmac else ""
            shares = (f"{ms / total:.1%}", f"{row['flops']:.1%}")
            table.add_row(row["name"], row["kind"], f"{ms:.3f}", *shares, rate)
        out.print(table)
        out.print(f"by the paper's FLOPs it is {figures['flops_ratio']:.2f} times faster")
    out.print(f"{figures['machine']['cpu']}, {figures['threads']} threads\n{figures['command']}")


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf benchmark", benchmark, train, classify)
