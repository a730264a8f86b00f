"""Compares variants of a training: each from the same start, on the same number of pairs.

A file lists the variants as changes of one configuration. Each is trained for the same budget with
the same seed, and asked for single steps on the tracks that the training holds out. That takes
minutes, where tracking takes hours, and can be compared sequence by sequence.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence as Several
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field

from rbsf.config import Settings, load_settings, merged, parse_settings, read_yaml
from rbsf.errors import InputError
from rbsf.files.atomic import write_text

from .report.bootstrap import paired_difference
from .report.table import markdown_table
from .sequence import Sequence
from .single_step import SingleStep, single_steps
from .tracks import held_out_tracks

if TYPE_CHECKING:
    from rbsf.train.settings import RunSettings

HOLD_OUT = 8
"""One track in so many is held out, unless the configuration says otherwise."""
MOST_CHECKPOINTS = 50
"""A run that is stopped loses no more than so many steps."""


class VariantFile(Settings):
    """A file of variants."""

    kind: Literal["teacher", "student"] = Field(description="What is trained.")
    base: str = Field(description="The configuration that is changed, beside this file.")
    variants: dict[str, dict[str, Any]] = Field(
        min_length=1, description="The changes by the variant's name, nested as in a configuration."
    )


class Variant(NamedTuple):
    """One training."""

    name: str
    """The name that the tables show."""
    settings: RunSettings
    """Its settings."""


class Outcome(NamedTuple):
    """What was measured of a variant with one seed."""

    variant: str
    """The variant's name."""
    seed: int
    """The seed."""
    steps: dict[str, SingleStep]
    """The figures of each held-out track."""

    @property
    def iou(self) -> float:
        """The mean IoU over the tracks."""
        return sum(step.iou for step in self.steps.values()) / len(self.steps)

    @property
    def above_half(self) -> float:
        """The mean share of answers with an IoU above 0.5."""
        return sum(step.above_half for step in self.steps.values()) / len(self.steps)


def read_variants(
    file: Path,
    *,
    pairs: int,
    epochs: int,
    seed: int,
    data: Path | None = None,
    teacher: Path | None = None,
) -> list[Variant]:
    """Reads the variants of a file, with the budget of each.

    Args:
        file: The file.
        pairs: How many pairs each variant sees in all.
        epochs: How many epochs these are divided into, by which schedules go.
        seed: The seed of every variant.
        data: The folder that the paths of the sources start from. None keeps the configuration's.
        teacher: The teacher of students. None keeps the configuration's.

    Raises:
        InputError: The file or its configuration cannot be read, or a change is no valid setting.
    """
    from rbsf.train.settings import StudentSettings, TeacherSettings

    listed = load_settings(VariantFile, file)
    base = file.parent / listed.base
    kind = StudentSettings if listed.kind == "student" else TeacherSettings
    plain = read_yaml(base)
    parse_settings(kind, plain, str(base))
    budget: dict[str, Any] = {
        "seed": seed,
        "epochs": epochs,
        "checkpoint_steps": MOST_CHECKPOINTS,
        "data": {"pairs_per_epoch": max(1, pairs // epochs)},
    }
    if data is not None:
        budget["data"]["root"] = str(data)
    if teacher is not None and listed.kind == "student":
        budget["teacher"] = str(teacher)
    usual = {"data": {"hold_out": HOLD_OUT}}
    return [
        Variant(name, parse_settings(kind, merged(usual, plain, change, budget), f"{file}, {name}"))
        for name, change in listed.variants.items()
    ]


def measure_variant(variant: Variant, folder: Path) -> Outcome:
    """Trains a variant and measures it, or goes on where that was stopped.

    What is measured already is read from the folder.

    Args:
        variant: The variant.
        folder: Where the figures go, and the network as `network.safetensors`. The checkpoints and
            logs of the training are deleted once it is measured.

    Raises:
        InputError: The training fails, or the folder holds the result of other settings.
        KeyboardInterrupt: A signal stopped the training, whose state is then saved.
    """
    from rbsf.train.run import train_once
    from rbsf.train.settings import StudentSettings
    from rbsf.train.student import StudentTask
    from rbsf.train.teacher import TeacherTask

    file, settings = folder / "result.json", variant.settings
    config = settings.model_dump(mode="json")
    if file.exists():
        _keep_network(folder)
        return _read(file, variant, config)
    task: Any = StudentTask if isinstance(settings, StudentSettings) else TeacherTask
    network = train_once(task, settings, folder / "run")
    tracks = held_out_tracks(settings.data)
    outcome = Outcome(variant.name, settings.seed, _single_steps(network, tracks))
    steps = {name: step._asdict() for name, step in outcome.steps.items()}
    write_text(file, json.dumps({"config": config, "tracks": steps}))
    _keep_network(folder)
    return outcome


def _keep_network(folder: Path) -> None:
    """Keeps the network of a training and deletes the rest, if a kill has not let that be done."""
    network = folder / "run" / "final.safetensors"
    if network.exists():
        network.replace(folder / "network.safetensors")
    shutil.rmtree(network.parent, ignore_errors=True)


def _single_steps(file: Path, tracks: list[Sequence]) -> dict[str, SingleStep]:
    """The single steps of a network, run by torch."""
    from rbsf.embedder import load_siamfc

    from .peak_looker import PeakLooker

    embedder = load_siamfc(file, "torch")
    return single_steps(lambda: PeakLooker(embedder), tracks)


def _read(file: Path, variant: Variant, config: dict[str, Any]) -> Outcome:
    stored = json.loads(file.read_text(encoding="utf-8"))
    if stored["config"] != config:
        raise InputError(
            f"{file} was measured with other settings: delete its folder, or use another --output"
        )
    steps = {name: SingleStep(**step) for name, step in stored["tracks"].items()}
    return Outcome(variant.name, variant.settings.seed, steps)


def table(outcomes: Several[Outcome]) -> str:
    """A Markdown table of what was measured, in which each variant is compared with the first.

    A difference is the mean over tracks, whose figures are means over the seeds that both variants
    have. Its interval of 95% is a paired bootstrap over the tracks; it knows nothing of the spread
    between seeds, which has its own column.
    """
    by_name: dict[str, dict[int, Outcome]] = {}
    for outcome in outcomes:
        by_name.setdefault(outcome.variant, {})[outcome.seed] = outcome
    base = next(iter(by_name.values()), {})
    rows: list[list[str]] = [
        ["variant", "seeds", "step IoU", "seeds from to", "above 0.5", "difference", "95%"]
    ]
    for name, runs in by_name.items():
        ious = [run.iou for run in runs.values()]
        above = sum(run.above_half for run in runs.values()) / len(runs)
        mean, spread = f"{sum(ious) / len(ious):.3f}", f"{min(ious):.3f} {max(ious):.3f}"
        rows.append([name, str(len(runs)), mean, spread, f"{above:.3f}", *_difference(runs, base)])
    return markdown_table(rows) + "\n"


def _difference(runs: dict[int, Outcome], base: dict[int, Outcome]) -> tuple[str, str]:
    """The two last cells of a row: the difference, and its interval."""
    seeds = sorted(runs.keys() & base.keys())
    if runs is base or not seeds:
        return "", ""
    names = list(base[seeds[0]].steps)
    first, second = (
        [sum(some[seed].steps[name].iou for seed in seeds) / len(seeds) for name in names]
        for some in (runs, base)
    )
    interval = paired_difference(first, second).interval
    return f"{interval.mean:+.3f}", f"{interval.low:+.3f} to {interval.high:+.3f}"
