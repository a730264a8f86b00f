"""A tracker's boxes on disk, and which of them still hold: what makes a killed run resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rbsf.errors import InputError
from rbsf.files.atomic import cannot_write, make_folder, remove_remains, write_text
from rbsf.files.text import read_numbers

from .code import code_hash
from .datasets import Sequence
from .metrics import Floats
from .protocols import Run
from .results import Trajectory


class Archive:
    """The folder of one tracker: `boxes/`, `times/`, `scores/` and `progress.json`.

    Each finished run is recorded with a key made of everything that its boxes follow from: the
    settings given here (weights, engine, configuration), the frames and the first box, and the
    tracker's own code. A record with another key counts as not done.

    Files appear whole or not at all, and a run is recorded after its files. A process may be killed
    at any moment: what it leaves is either recorded and whole, or run again.

    Args:
        folder: The tracker's folder.
        settings: What the boxes follow from, besides the frames and the code.
        code: The hash of the code that they follow from. None takes that of the SiamFC tracker.
        threads: How many threads the runs may use. The boxes do not depend on it, but the speed
            does: it is not taken over from runs that had others.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        code: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._folder, self._threads = folder, threads
        self._progress = folder / "progress.json"
        self._settings = json.dumps([settings, code or code_hash()], sort_keys=True)
        self._prints: dict[str, list[tuple[str, int]]] = {}
        self._records = self._read()
        make_folder(folder / "boxes")
        with cannot_write(folder):
            remove_remains(folder)
            (folder / "results.json").unlink(missing_ok=True)  # it is of a run before this one

    def load_all(self, runs: Iterable[Run]) -> dict[str, Trajectory]:
        """Every run that need not be done again, by its path."""
        found = {run.path: self.load(run) for run in runs}
        return {path: trajectory for path, trajectory in found.items() if trajectory}

    def load(self, run: Run) -> Trajectory | None:
        """What was saved for this very run, if it holds."""
        record = self._records.get(run.path)
        if not isinstance(record, dict) or record.get("key") != self._key(run):
            return None
        try:
            boxes = read_numbers(self._file("boxes", run), 4)
            times = read_numbers(self._file("times", run), 1)[:, 0]
            said = read_numbers(self._file("scores", run), 2)
        except InputError:
            return None
        shapes = boxes.shape, times.shape, said.shape
        if shapes != ((run.frames, 4), (run.frames,), (run.frames, 2)):
            return None
        timed = bool(record.get("alone")) and record.get("threads") == self._threads
        return Trajectory(boxes, times, said[:, 0], said[:, 1] > 0, timed)

    def save(self, run: Run, trajectory: Trajectory) -> None:
        """Writes the boxes, times and scores first, then that they are done.

        Raises:
            InputError: A file cannot be written. The run then counts as not done.
        """
        self._records.pop(run.path, None)
        self._write("times", run, [f"{seconds:.8f}" for seconds in trajectory.times])
        said = zip(trajectory.scores, trajectory.lost, strict=True)
        self._write("scores", run, [f"{score:.4f},{lost:d}" for score, lost in said])
        self._write("boxes", run, _rows(trajectory.boxes))
        how = {"alone": trajectory.alone, "threads": self._threads}
        self._records[run.path] = {"key": self._key(run), **how}
        try:
            write_text(self._progress, json.dumps(self._records, indent=1, sort_keys=True))
        except InputError:
            self._records.pop(run.path)
            raise

    def _write(self, what: str, run: Run, lines: list[str]) -> None:
        file = self._file(what, run)
        make_folder(file.parent)
        write_text(file, "\n".join(lines) + "\n")

    def _read(self) -> dict[str, Any]:
        try:
            records = json.loads(self._progress.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return records if isinstance(records, dict) else {}

    def _file(self, what: str, run: Run) -> Path:
        return self._folder / what / f"{run.path}.txt"

    def _key(self, run: Run) -> str:
        start = [*run.start, run.sequence.boxes[run.start.frame].tolist()]
        edit = [repr(run.sequence.edit)] if run.sequence.edit else []
        identity = json.dumps([self._settings, self._print(run.sequence), start, *edit])
        return hashlib.sha256(identity.encode()).hexdigest()

    def _print(self, sequence: Sequence) -> list[tuple[str, int]]:
        """The names and sizes of the frames, found out once for all runs of a sequence."""
        if sequence.name not in self._prints:
            self._prints[sequence.name] = [(path.name, _size(path)) for path in sequence.frames]
        return self._prints[sequence.name]


def _rows(boxes: Floats) -> list[str]:
    return [",".join(f"{value:.3f}" for value in box) for box in boxes]


def _size(path: Path) -> int:
    """The size of a file, or -1 where it has vanished since its folder was listed."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
