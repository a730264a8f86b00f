"""Fits the score of the box tracker on training tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from rbsf.console import run_tool
from rbsf.embedder import load_embedder
from rbsf.engine.box_answer import has_box_head
from rbsf.errors import InputError
from rbsf.files.atomic import write_text

from ..evaluation.score_fit import Fit, cross_validated, fit, gather, joined, quality
from ..evaluation.tracks import tracks_of
from ..loop.box_config import BoxTrackerConfig
from .options import check_file, check_folder, command_line


def fit_score(
    root: Annotated[
        list[Path], typer.Argument(help="Folders in GOT-10k's layout, whose train split is used.")
    ],
    weights: Annotated[
        Path, typer.Option(help="A packed file, or a checkpoint of tools/train_box.py.")
    ],
    output: Annotated[Path, typer.Option(help="The YAML file for the tracker's settings.")],
    hold_out: Annotated[
        int,
        typer.Option(min=1, help="The training's data.hold_out: one in so many tracks is used."),
    ] = 8,
) -> None:
    """Fits the score of the box tracker, so that it is the probability of an IoU above 0.5.

    The tracker runs over the tracks that the training held out, and over tests of absence that are
    made from them, never over a benchmark. On tracks that it was trained on, a network is surer
    than elsewhere. Do this after every training of the network, and put the result into the
    tracker's settings.

    Examples:

    `python tools/fit_score.py data/got10k data/got10k_more
    --weights runs/rbsf_box/final.safetensors --output tracker_box.yaml`
    """
    for each in root:
        check_folder(each, "the folder", "a folder in GOT-10k's layout")
    check_file(weights, "--weights")
    network = load_embedder(weights, threads=1)
    if not has_box_head(network):
        raise InputError(f"{weights} has no box head: its score is not fitted")
    tracks = gather(network, [track for each in root for track in tracks_of(each, hold_out)])
    frames = joined(tracks)
    config = fit(frames)
    lines = [
        "The score of the box tracker, fitted by a logistic model on tracks held out of training.",
        f"Network: {network.name}, {network.weights_sha256[:12]}. Command: {command_line()}",
        f"On quarters of the tracks that the fit has not seen: {_text(cross_validated(tracks))}.",
        f"By default: {_text(quality(BoxTrackerConfig().score, frames))}.",
    ]
    settings = yaml.safe_dump({"score": config.model_dump()}, sort_keys=False)
    write_text(output, "".join(f"# {line}\n" for line in lines) + settings)
    typer.echo(output.read_text(encoding="utf-8"), nl=False)


def _text(fit: Fit) -> str:
    known = "-" if fit.auc is None else f"{fit.auc:.3f}"
    return f"AUC {known}, log loss {fit.log_loss:.3f}, {fit.frames:,} frames"


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("python tools/fit_score.py", fit_score)
