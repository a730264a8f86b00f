"""Trains and measures the 1-bit tracker with box regression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.config import CONFIGS
from rbsf.console import run_tool
from rbsf.embedder import load_siamfc
from rbsf.errors import InputError

from ..evaluation.datasets import BENCHMARKS, load_dataset
from ..evaluation.peak_looker import PeakLooker
from ..evaluation.runner import evaluate_tracker
from ..evaluation.single_step import measure_single_step
from ..evaluation.tracks import tracks_of
from ..loop.box_tracker import BoxTracker
from ..loop.siamfc_tracker import SiamFCTracker
from .options import Data, Output, Resume, check_file, check_folder, finish_run

HELD_OUT = "held-out"
"""The name that stands for the sequences which the training leaves out."""
SCORED = [name for name, benchmark in BENCHMARKS.items() if benchmark.scored]


def train(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the run's settings.", show_default="configs/rbsf_box.yaml"
        ),
    ] = CONFIGS / "rbsf_box.yaml",
    data: Data = None,
    start: Annotated[
        Path | None, typer.Option(help="The checkpoint whose weights the training starts from.")
    ] = None,
    feature_teacher: Annotated[
        Path | None,
        typer.Option(help="The ONNX file of a NanoTrack backbone, which teaches features."),
    ] = None,
    head_teacher: Annotated[
        Path | None,
        typer.Option(help="The ONNX file of the head on that backbone, which teaches answers."),
    ] = None,
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Trains the 1-bit tracker with box regression: backbone and head together.

    Examples:

    `python tools/train_box.py --data data --feature-teacher nanotrack_v3_backbone.onnx`

    `python tools/train_box.py --data data --start rbsf/weights/rbsf_box_latent.safetensors`

    `python tools/train_box.py --data data --resume`

    Ctrl-C saves the run. With --resume it continues as if it had never stopped.
    """
    check_file(config, "--config")
    check_folder(data, "--data", "the folder that holds the data sources")
    check_file(start, "--start")
    check_file(feature_teacher, "--feature-teacher")
    check_file(head_teacher, "--head-teacher")
    from rbsf.data.box_pairs import open_box_pairs
    from rbsf.train.box import BoxLoop, BoxTask
    from rbsf.train.box_settings import BoxSettings
    from rbsf.train.run import override
    from rbsf.train.run import train as train_in

    settings = override(BoxSettings, config, data)
    named = {"start": start, "feature_teacher": feature_teacher, "head_teacher": head_teacher}
    given = {key: str(value) for key, value in named.items() if value is not None}
    settings = settings.model_copy(update=given)
    folder = output or Path("runs") / config.stem
    completed = train_in(
        BoxTask, settings, folder, resume=resume, open_dataset=open_box_pairs, loop_type=BoxLoop
    )
    finish_run(completed, folder)


def evaluate(
    weights: Annotated[Path, typer.Option(help="A checkpoint of tools/train_box.py.")],
    dataset: Annotated[
        str,
        typer.Option(
            help=f"The data: {HELD_OUT}, for single steps on the sequences that the training left "
            f"out, or one of {', '.join(SCORED)}, for tracking."
        ),
    ],
    root: Annotated[
        Path, typer.Option(help="The benchmark's folder, or the folder above train/ for held-out.")
    ],
    max_frames: Annotated[
        int, typer.Option(min=2, help="Only so many frames of each sequence are tracked.")
    ] = 120,
    hold_out: Annotated[int, typer.Option(min=1, help="The training's data.hold_out.")] = 8,
) -> None:
    """Measures a 1-bit network with a box head, run by torch, beside the RB-SF that we ship.

    Examples:

    `python tools/evaluate_box.py --weights runs/rbsf_box/final.safetensors --dataset held-out
    --root data/got10k`

    `python tools/evaluate_box.py --weights runs/rbsf_box/final.safetensors --dataset otb
    --root data/otb`
    """
    check_file(weights, "--weights")
    check_folder(root, "--root", "the folder of the data")
    if dataset not in (HELD_OUT, *SCORED):
        raise InputError(f"--dataset {dataset}: choose {HELD_OUT} or one of {', '.join(SCORED)}")
    from rbsf.engine.torch_box import TorchBoxNetwork

    network, shipped = TorchBoxNetwork.from_file(weights), load_siamfc()
    if dataset == HELD_OUT:
        sequences = tracks_of(root, hold_out)
        head = measure_single_step(lambda: BoxTracker(network), sequences)
        peak = measure_single_step(lambda: PeakLooker(shipped), sequences)
        _show_step("the believed box itself", head.stay, head.stay_above_half)
        _show_step(f"{shipped.name}'s peak", peak.iou, peak.above_half)
        _show_step(network.name, head.iou, head.above_half)
        return
    data = load_dataset(dataset, root)
    siamfc = evaluate_tracker(lambda: SiamFCTracker(shipped), data, max_frames)
    boxes = evaluate_tracker(lambda: BoxTracker(network), data, max_frames)
    for name, results in ((shipped.name, siamfc), (network.name, boxes)):
        typer.echo(f"{name}: AO {results.overall.ao:.3f}, SR.5 {results.overall.sr50:.3f}")


def _show_step(name: str, iou: float, above_half: float) -> None:
    typer.echo(f"{name}: IoU {iou:.3f}, above 0.5 in {above_half:.1%}")


def train_box() -> None:
    """Runs the training with the words of the command line."""
    run_tool("python tools/train_box.py", train)


def evaluate_box() -> None:
    """Runs the measurement with the words of the command line."""
    run_tool("python tools/evaluate_box.py", evaluate)
