"""Makes the shipped weights, from the training to the hashes.

This is the chain:

    teacher -> RB-SF, guided by it;  XNOR-SF, alone
    each run's network -> a compact .safetensors -> a packed .rbsf
    all files -> the table of the model card
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from rbsf.config import CONFIGS
from rbsf.console import console, run_tool
from rbsf.errors import InputError
from rbsf.files.atomic import make_folder
from rbsf.files.weights import SHIPPED_RBSF

from .options import check_folder

CARD = "README.md"
"""The model card's name, in the folder of the weights."""


class Stage(NamedTuple):
    """One training of the chain."""

    name: str
    """The name of its configuration, before `_small.yaml` or another ending, and of its files."""
    student: bool
    """Whether a student is trained, which is packed too."""


STAGES = (Stage("siamfc", False), Stage("rbsf", True), Stage("xnor_sf", True))


def make(
    data: Annotated[
        Path, typer.Option(help="The folder that holds the data sources which the settings name.")
    ],
    output: Annotated[Path, typer.Option(help="The folder for the weights.")] = SHIPPED_RBSF.parent,
    runs: Annotated[Path, typer.Option(help="The folder of the training runs.")] = Path("runs"),
    configs: Annotated[
        Path, typer.Option(help="The folder of the configurations.", show_default="configs")
    ] = CONFIGS,
    size: Annotated[
        str,
        typer.Option(
            help="Which configurations are used: small means siamfc_small.yaml and so on."
        ),
    ] = "small",
) -> None:
    """Makes the shipped weights: trains teacher, RB-SF and XNOR-SF, and packs them.

    Of each run, the epoch that is best on the tracks held out is kept. The sizes and hashes in the
    model card are brought up to date. The chain may be stopped: the same command goes on where it
    was, and trains nothing twice. To train a network anew, delete its folder in the runs.

    Examples:

    `python tools/make_weights.py --data data`

    `python tools/make_weights.py --data data --output my_weights --runs my_runs`
    """
    check_folder(data, "--data", "the folder that holds the data sources")
    files = {stage.name: configs / f"{stage.name}_{size}.yaml" for stage in STAGES}
    for file in files.values():
        if not file.is_file():
            raise InputError(f"there is no {file}: --configs and --size name the configurations")
    networks: dict[str, Path] = {}
    for stage in STAGES:
        config = files[stage.name]
        teacher = networks.get("siamfc")
        networks[stage.name] = _train(stage, config, data, runs / config.stem, teacher)
    make_folder(output)
    for stage in STAGES:
        for written in _ship(stage, networks[stage.name], output):
            _report(f"wrote {written}: {written.stat().st_size:,} bytes")
    _update_card(output)


def _train(stage: Stage, config: Path, data: Path, folder: Path, teacher: Path | None) -> Path:
    """Trains a network unless it is trained, and gives the checkpoint of its best epoch."""
    from rbsf.train.run import override, train_once
    from rbsf.train.settings import StudentSettings, TeacherSettings
    from rbsf.train.student import StudentTask
    from rbsf.train.teacher import TeacherTask

    from ..evaluation.held_out import held_out_validation

    settings: Any = override(StudentSettings if stage.student else TeacherSettings, config, data)
    if stage.student:
        settings = settings.model_copy(update={"teacher": str(teacher)})
    console.print(f"{stage.name} in {folder}", style="bold", highlight=False)
    task: Any = StudentTask if stage.student else TeacherTask
    validate = held_out_validation(settings.data) if settings.data.hold_out else None
    final = train_once(task, settings, folder, validate)
    best = folder / "best.safetensors"
    return best if best.exists() else final


def _ship(stage: Stage, network: Path, output: Path) -> list[Path]:
    """Writes a network's compact file, and a student's packed file from that; gives both."""
    from rbsf.engine.format import write_packed
    from rbsf.engine.pack import pack_file
    from rbsf.files.networks import save_compact

    compact = output / f"{stage.name}.safetensors"
    save_compact(network, compact)
    if not stage.student:
        return [compact]
    packed = output / f"{stage.name}.rbsf"
    write_packed(packed, pack_file(compact))
    return [compact, packed]


def _update_card(output: Path) -> None:
    """Brings the table of the model card up to date, where the folder has a card."""
    from rbsf.files.model_card import update_card

    card = output / CARD
    for name in update_card(card) if card.exists() else []:
        _report(f"{card}: the size and hash of {name} are new")


def _report(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("python tools/make_weights.py", make)
