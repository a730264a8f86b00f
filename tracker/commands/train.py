"""Trains the full-precision SiamFC (the teacher), or the binary one that is distilled from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.config import CONFIGS
from rbsf.console import run_tool
from rbsf.errors import InputError

from .classify import classifier
from .options import (
    Cache,
    Data,
    Output,
    Resume,
    check_file,
    check_folder,
    check_weights,
    finish_run,
)

if TYPE_CHECKING:
    from rbsf.data import DataSettings
    from rbsf.train.loop import Validate

Validation = Annotated[
    Path | None,
    typer.Option(
        help="A folder in GOT-10k's layout. Ten times in a run, unless the settings say otherwise, "
        "the AO on a part of its val split is measured. Without this option, it is measured on the "
        "tracks that data.hold_out leaves out, if any."
    ),
]


def siamfc(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the run's settings.", show_default="configs/siamfc.yaml"
        ),
    ] = CONFIGS / "siamfc.yaml",
    data: Data = None,
    cache: Cache = None,
    validation: Validation = None,
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Trains the full-precision SiamFC, the teacher.

    Examples:

    `rbsf train siamfc --data data --validation data/got10k`

    `rbsf train siamfc --config configs/siamfc_small.yaml --data data --resume`

    `torchrun --nproc-per-node 4 tools/train_siamfc.py --data data`

    Ctrl-C saves the run. With --resume it continues as if it had never stopped.
    """
    _check_words(config, data, validation)
    from rbsf.train.run import override, train
    from rbsf.train.settings import TeacherSettings
    from rbsf.train.teacher import TeacherTask

    settings = override(TeacherSettings, config, data, cache)
    folder = output or Path("runs") / config.stem
    validate = _validate(validation, settings.data)
    finish_run(train(TeacherTask, settings, folder, resume=resume, validate=validate), folder)


def rbsf(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the run's settings.", show_default="configs/rbsf.yaml"
        ),
    ] = CONFIGS / "rbsf.yaml",
    data: Data = None,
    cache: Cache = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            help="The teacher's checkpoint. Without this option it is the one in the settings, or "
            "else the shipped one, which a full-size training set refuses."
        ),
    ] = None,
    validation: Validation = None,
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Distils the binary SiamFC (RB-SF, or XNOR-SF for comparison) from a full-precision teacher.

    Examples:

    `rbsf train rbsf --data data --teacher runs/siamfc/final.safetensors --validation data/got10k`

    `rbsf train rbsf --config configs/xnor_sf.yaml --data data`

    `rbsf train rbsf --data data --resume`

    `torchrun --nproc-per-node 4 tools/train_rbsf.py --data data`

    Ctrl-C saves the run. With --resume it continues as if it had never stopped.
    """
    _check_words(config, data, validation)
    check_weights(teacher, "--teacher")
    from rbsf.train.run import override, refuse_small_teacher, train
    from rbsf.train.settings import StudentSettings
    from rbsf.train.student import StudentTask

    settings = override(StudentSettings, config, data, cache)
    if teacher is not None:
        settings = settings.model_copy(update={"teacher": str(teacher)})
    refuse_small_teacher(settings)
    folder = output or Path("runs") / config.stem
    validate = _validate(validation, settings.data)
    finish_run(train(StudentTask, settings, folder, resume=resume, validate=validate), folder)


def _check_words(config: Path, data: Path | None, validation: Path | None) -> None:
    """Checks the files and folders of the command line, before torch is imported."""
    check_file(config, "--config")
    check_folder(data, "--data", "the folder that holds the data sources")
    check_folder(validation, "--validation", "a folder in GOT-10k's layout")


def _validate(root: Path | None, data: DataSettings) -> Validate | None:
    from ..evaluation.held_out import held_out_validation
    from ..evaluation.validation import validation

    if root:
        return validation(root)
    return held_out_validation(data) if data.hold_out else None


def choose(context: typer.Context) -> None:
    """Trains the full-precision SiamFC (siamfc), the binary one (rbsf), or a classifier.

    Examples:

    `rbsf train siamfc --data data --validation data/got10k`

    `rbsf train rbsf --data data --teacher runs/siamfc/final.safetensors`
    """
    if context.invoked_subcommand is None:
        raise InputError(
            "say what to train: rbsf train siamfc, rbsf train rbsf, or rbsf train classifier. See "
            "--help."
        )


def main() -> None:
    """Runs `rbsf train siamfc`, `rbsf train rbsf` or `rbsf train classifier`."""
    run_tool("rbsf train", choose, siamfc, rbsf, classifier)


def train_siamfc() -> None:
    """Runs the training of the teacher alone, as `tools/train_siamfc.py` does."""
    run_tool("rbsf train siamfc", siamfc)


def train_rbsf() -> None:
    """Runs the training of the binary network alone, as `tools/train_rbsf.py` does."""
    run_tool("rbsf train rbsf", rbsf)
