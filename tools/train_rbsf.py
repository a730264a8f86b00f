"""Trains the binary SiamFC, distilled from its teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool


def main(
    config: Annotated[Path, typer.Option(help="Settings, YAML.")] = Path("configs/rbsf.yaml"),
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Teacher's checkpoint; the shipped one if none.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/CONFIG if none.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was left.")] = False,
) -> None:
    """Distil the binary SiamFC (RB-SF, or XNOR-SF for comparison) from a full-precision teacher.

    Examples:

        python tools/train_rbsf.py --data path/to/data --teacher runs/siamfc_small/final.safetensors

        python tools/train_rbsf.py --config configs/xnor_sf.yaml --data path/to/data

        python tools/train_rbsf.py --data path/to/data --resume

        torchrun --nproc-per-node 4 tools/train_rbsf.py --data path/to/data
    """
    from rbsf.train.run import override, train
    from rbsf.train.settings import StudentSettings
    from rbsf.train.student import StudentTask

    settings = override(StudentSettings, config, data)
    if teacher is not None:
        settings = settings.model_copy(update={"teacher": str(teacher)})
    folder = output or Path("runs") / config.stem
    if not train(StudentTask, settings, folder, resume=resume):
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


if __name__ == "__main__":
    run_tool(main)
