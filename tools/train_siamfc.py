"""Trains the full-precision SiamFC, the teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool

CONFIGS = Path(__file__).parents[1] / "configs"


def train_siamfc(
    config: Annotated[
        Path, typer.Option(help="Settings, YAML.", show_default="configs/siamfc.yaml")
    ] = CONFIGS / "siamfc.yaml",
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    validation: Annotated[
        Path | None, typer.Option(help="GOT-10k folder; its val split gives the AO of epochs.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/CONFIG if none.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was left.")] = False,
) -> None:
    """Train the full-precision SiamFC teacher.

    Examples:

    `python tools/train_siamfc.py --data data --validation data/got10k`

    `python tools/train_siamfc.py --config configs/siamfc_small.yaml --data data --resume`

    `torchrun --nproc-per-node 4 tools/train_siamfc.py --data data`

    Ctrl-C saves the run; --resume goes on as if it had never stopped.
    """
    from rbsf.train.run import override, train
    from rbsf.train.settings import TeacherSettings
    from rbsf.train.teacher import TeacherTask
    from tracker.evaluation.validation import validation as make_validation

    settings = override(TeacherSettings, config, data)
    validate = make_validation(validation) if validation else None
    folder = output or Path("runs") / config.stem
    if not train(TeacherTask, settings, folder, resume=resume, validate=validate):
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


if __name__ == "__main__":
    run_tool(train_siamfc)
