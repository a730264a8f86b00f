"""Trains the full-precision SiamFC, the teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool


def main(
    config: Annotated[Path, typer.Option(help="Settings, YAML.")] = Path("configs/siamfc.yaml"),
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/CONFIG if none.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was left.")] = False,
) -> None:
    """Train the full-precision SiamFC teacher.

    Examples:

        python tools/train_siamfc.py --config configs/siamfc_small.yaml --data path/to/data

        python tools/train_siamfc.py --config configs/siamfc_small.yaml --data path/to/data --resume
    """
    from rbsf.train.run import override, train
    from rbsf.train.settings import TeacherSettings
    from rbsf.train.teacher import TeacherTask

    settings = override(TeacherSettings, config, data)
    folder = output or Path("runs") / config.stem
    if not train(TeacherTask, settings, folder, resume=resume):
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


if __name__ == "__main__":
    run_tool(main)
