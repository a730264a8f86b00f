"""Trains the binary SiamFC, distilled from its teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import run_tool

CONFIGS = Path(__file__).parents[1] / "configs"


def train_rbsf(
    config: Annotated[
        Path, typer.Option(help="Settings, YAML.", show_default="configs/rbsf.yaml")
    ] = CONFIGS / "rbsf.yaml",
    data: Annotated[Path | None, typer.Option(help="Folder that data.sources lie in.")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Teacher's checkpoint; the shipped one if none.")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="GOT-10k folder; its val split gives the AO of epochs.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/CONFIG if none.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was left.")] = False,
) -> None:
    """Distil the binary SiamFC (RB-SF, or XNOR-SF for comparison) from a full-precision teacher.

    Examples:

    `python tools/train_rbsf.py --data data --teacher runs/siamfc/final.safetensors
    --validation data/got10k`

    `python tools/train_rbsf.py --config configs/xnor_sf.yaml --data data`

    `python tools/train_rbsf.py --data data --resume`

    `torchrun --nproc-per-node 4 tools/train_rbsf.py --data data`

    Ctrl-C saves the run; --resume goes on as if it had never stopped.
    """
    from rbsf.train.run import override, train
    from rbsf.train.settings import StudentSettings
    from rbsf.train.student import StudentTask
    from tracker.evaluation.validation import validation as make_validation

    settings = override(StudentSettings, config, data)
    if teacher is not None:
        settings = settings.model_copy(update={"teacher": str(teacher)})
    validate = make_validation(validation) if validation else None
    folder = output or Path("runs") / config.stem
    if not train(StudentTask, settings, folder, resume=resume, validate=validate):
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


if __name__ == "__main__":
    run_tool(train_rbsf)
