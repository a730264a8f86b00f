"""Result folders as the evaluation leaves them: `DIR/<tracker>/results.json` and `boxes/`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rbsf.errors import InputError
from rbsf.files.text import read_numbers

from ..lost import LostFigures
from ..metrics import Floats

Share = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """A part of results.json; keys that the report does not use are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Figures(Record):
    """The figures of one pass, or a mean of several; all but fps are in [0, 1]."""

    ao: Share
    sr50: Share
    sr75: Share
    success_auc: Share
    precision_20px: Share
    norm_precision: Share | None = None
    fps: float | None = None


class SequenceFigures(Figures):
    """The figures of one sequence; under SRE and TRE the mean over its starts.

    Attributes:
        attributes: What is hard about the sequence, as the benchmark names it.
        starts: The figures from each start under SRE and TRE; empty under OPE.
    """

    frames: int
    attributes: tuple[str, ...] = ()
    starts: dict[str, Figures] = {}


class Spread(Record):
    """How far a figure's mean over the sequences varies between the starts of SRE or TRE."""

    mean: float
    std: float
    min: float
    max: float


class OverallFigures(Figures):
    """The means over the sequences.

    Attributes:
        spread: By the name of the figure, under SRE and TRE; empty under OPE.
    """

    spread: dict[str, Spread] = {}


class LeftOut(Record):
    """A sequence that was not scored, with the reason."""

    sequence: str
    reason: str


class ResultsFile(Record):
    """What results.json says of one tracker on one data set.

    Attributes:
        frame_weighted: AO, SR.5 and SR.75 over all frames, where the benchmark averages so.
        lost: What the tracker knew of having lost its target, where that was asked for.
    """

    dataset: str
    split: str
    tracker: str
    protocol: Literal["ope", "sre", "tre"]
    weights_sha256: str | None
    engine: str
    kernels: str = ""
    threads: int | None
    command: str
    max_frames: int | None
    listed: int
    left_out: tuple[LeftOut, ...]
    machine: str | dict[str, Any]
    date: str
    root: str
    overall: OverallFigures
    frame_weighted: dict[str, float] | None = None
    lost: LostFigures | None = None
    sequences: dict[str, SequenceFigures]


@dataclass(frozen=True)
class Entry:
    """One tracker's results.

    Attributes:
        name: The tracker's name. Its folder's name stands in front where several have that tracker.
        folder: The folder that holds results.json and boxes/.
    """

    name: str
    folder: Path
    results: ResultsFile

    def box_files(self, sequence: str) -> dict[str, Path]:
        """The box file of each start; under OPE there is one, called by the empty name."""
        if self.results.protocol == "ope":
            return {"": self.folder / "boxes" / f"{sequence}.txt"}
        starts = self.results.sequences[sequence].starts
        return {start: self.folder / "boxes" / sequence / f"{start}.txt" for start in starts}


def read_entries(folders: Sequence[Path]) -> list[Entry]:
    """The results of every tracker in these folders, in their order and then by name.

    Args:
        folders: Folders given to `rbsf evaluate --output`, or a single tracker's folder in one.

    Raises:
        InputError: A folder without results, or a results.json that cannot be understood.
    """
    every = [entry for folder in folders for entry in _read_folder(folder)]
    found = list({entry.folder.resolve(): entry for entry in every}.values())  # each once
    uses = Counter(entry.name for entry in found)
    named = [
        replace(o, name=f"{o.folder.resolve().parent.name}/{o.name}") if uses[o.name] > 1 else o
        for o in found
    ]
    uses = Counter(entry.name for entry in named)
    return [replace(o, name=str(o.folder)) if uses[o.name] > 1 else o for o in named]


def read_boxes(path: Path) -> Floats:
    """The boxes of a box file, N x 4, 1-indexed.

    Raises:
        InputError: The file is missing or holds something else.
    """
    boxes = read_numbers(path, 4)
    if not len(boxes):
        raise InputError(f"{path} holds no box: evaluate again to renew it")
    return boxes


def _read_folder(folder: Path) -> list[Entry]:
    files = sorted(folder.glob("*/results.json")) or sorted(folder.glob("results.json"))
    if not files:
        raise InputError(
            f"no results under {folder}: expected {folder / '<tracker>' / 'results.json'}, "
            "as `rbsf evaluate --output` writes them"
        )
    entries = [entry for file in files if file.is_file() and (entry := _read_entry(file))]
    if not entries:
        raise InputError(
            f"no figures under {folder}: nothing was scored, or the true boxes are secret"
        )
    return entries


def _read_entry(file: Path) -> Entry | None:
    """The results in a file, or None where no sequence could be scored."""
    try:
        text = file.read_bytes()
        if _has_no_figures(text):
            return None
        results = ResultsFile.model_validate_json(text)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{file}: {where}: {first['msg']}; evaluate again to renew it") from None
    return Entry(results.tracker, file.parent, results)


def _has_no_figures(text: bytes) -> bool:
    """Whether the overall AO is null, as where every sequence failed."""
    try:
        overall = json.loads(text)["overall"]
        return overall["ao"] is None
    except (ValueError, LookupError, TypeError):
        return False  # the validation that follows says what is wrong
