"""Trains the 1-bit backbone and its box head together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool

CONFIGS = Path(__file__).parents[1] / "configs"


def train_box(
    config: Annotated[
        Path, typer.Option(help="Settings, YAML.", show_default="configs/rbsf_box.yaml")
    ] = CONFIGS / "rbsf_box.yaml",
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Checkpoint whose weights are the start.")
    ] = None,
    feature_teacher: Annotated[
        Path | None, typer.Option(help="NanoTrack backbone, ONNX, that teaches features.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/CONFIG if none.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was left.")] = False,
) -> None:
    """Train the 1-bit tracker with box regression.

    Examples:

    `python tools/train_box.py --data data --feature-teacher nanotrack_v3_backbone.onnx`

    `python tools/train_box.py --data data --start rbsf/weights/rbsf_box_latent.safetensors`

    `python tools/train_box.py --data data --resume`

    Ctrl-C saves the run; --resume goes on as if it had never stopped.
    """
    from rbsf.data.box_pairs import open_box_pairs
    from rbsf.train.box import BoxLoop, BoxTask
    from rbsf.train.box_settings import BoxSettings
    from rbsf.train.run import override, train

    settings = override(BoxSettings, config, data)
    named = {"start": start, "feature_teacher": feature_teacher}
    given = {key: str(value) for key, value in named.items() if value is not None}
    settings = settings.model_copy(update=given)
    folder = output or Path("runs") / config.stem
    finished = train(
        BoxTask,
        settings,
        folder,
        resume=resume,
        open_dataset=open_box_pairs,
        loop_type=BoxLoop,
    )
    if not finished:
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


if __name__ == "__main__":
    run_tool(train_box)
