"""A tracker's boxes on disk, and which of them still hold: what makes a killed run resumable."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import rbsf.geometry
from rbsf.errors import InputError
from tracker.evaluation.datasets import Sequence
from tracker.evaluation.results import Trajectory


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to; what is there becomes `path` in one step when the block ends well.

    Raises:
        InputError: it cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """The folder and those above it.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path}: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Writes a file in one step: it is there whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


class Archive:
    """The folder of one tracker: `boxes/<sequence>.txt` and `progress.json`.

    Each finished sequence is recorded with a key made of everything its boxes follow from: the
    settings given here (weights, engine, configuration), the sequence's frames and first box, and
    the tracker's own code. A record whose key is another counts as not done.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._boxes = folder / "boxes"
        self._progress = folder / "progress.json"
        self._settings = json.dumps([settings, _code_hash()], sort_keys=True)
        self._records = self._read()
        make_folder(self._boxes)
        (folder / "results.json").unlink(missing_ok=True)  # it is another run's until this one ends

    def load_all(self, sequences: Iterable[Sequence]) -> dict[str, Trajectory]:
        """Every sequence that need not be run again, by name."""
        found = {sequence.name: self.load(sequence) for sequence in sequences}
        return {name: trajectory for name, trajectory in found.items() if trajectory}

    def load(self, sequence: Sequence) -> Trajectory | None:
        """What was saved for this very sequence, if it holds."""
        record = self._records.get(sequence.name)
        if record is None or record["key"] != self._key(sequence):
            return None
        try:
            boxes = np.loadtxt(self._file(sequence), delimiter=",", ndmin=2)
        except (OSError, ValueError):
            return None
        if boxes.shape != sequence.boxes.shape:
            return None
        return Trajectory(boxes, record["seconds"])

    def save(self, sequence: Sequence, trajectory: Trajectory) -> None:
        """Writes the boxes first, then that they are done."""
        lines = [",".join(f"{value:.3f}" for value in box) for box in trajectory.boxes]
        write_text(self._file(sequence), "\n".join(lines) + "\n")
        record = {"key": self._key(sequence), "seconds": trajectory.seconds}
        self._records[sequence.name] = record
        write_text(self._progress, json.dumps(self._records, indent=1))

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._progress.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _file(self, sequence: Sequence) -> Path:
        return self._boxes / f"{sequence.name}.txt"

    def _key(self, sequence: Sequence) -> str:
        frames = [(path.name, path.stat().st_size) for path in sequence.frames]
        told = json.dumps([self._settings, frames, sequence.boxes[0].tolist()])
        return hashlib.sha256(told.encode()).hexdigest()


def _code_hash() -> str:
    """Of the code that decides where a box goes, so that an edited tracker is run anew."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    for path in [*sorted(package.glob("*.py")), Path(rbsf.geometry.__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
