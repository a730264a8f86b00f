"""A tracker's boxes on disk, and which of them still hold: what makes a killed run resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rbsf.files.atomic import make_folder, write_text

from .code import code_hash
from .datasets import Sequence
from .results import Trajectory


class Archive:
    """The folder of one tracker: `boxes/<sequence>.txt` and `progress.json`.

    Each finished sequence is recorded with a key made of everything its boxes follow from: the
    settings given here (weights, engine, configuration), the sequence's frames and first box, and
    the tracker's own code. A record whose key is another counts as not done.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._boxes = folder / "boxes"
        self._progress = folder / "progress.json"
        self._settings = json.dumps([settings, code_hash()], sort_keys=True)
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
