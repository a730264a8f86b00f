"""results.json: one tracker's figures, and everything that they follow from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rbsf.files.atomic import make_folder, write_text

from .contenders import Contender
from .lost import LostFigures
from .machine import processor_name
from .metrics import Scores
from .results import Results

Figures = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A contender's results, and how they were made.

    Attributes:
        contender: The tracker.
        results: What it did.
        command: The command line of the run.
        threads: How many threads the network and OpenCV could use in each process.
        max_frames: Only the first frames of each sequence were tracked, so many; None if all were.
        lost: What the tracker knew of having lost its target, if that was asked for.
    """

    contender: Contender
    results: Results
    command: str
    threads: int = 1
    max_frames: int | None = None
    lost: LostFigures | None = None

    @property
    def title(self) -> str:
        """The data in a line: benchmark, split and size."""
        dataset = self.results.dataset
        size = dataset.size_text
        if self.max_frames:
            size += f", first {self.max_frames} frames of each"
        return f"{dataset.name}, {dataset.split} ({size})"


def write_results(outcome: Outcome, output: Path) -> Path:
    """Writes `<tracker>/results.json` below a folder, and gives its path.

    Raises:
        InputError: The file cannot be written.
    """
    folder = output / outcome.contender.name
    make_folder(folder)
    text = json.dumps(as_json(outcome), indent=2, allow_nan=False)
    write_text(folder / "results.json", text + "\n")
    return folder / "results.json"


def as_json(outcome: Outcome) -> Figures:
    """The content of results.json. A figure that is not known is null."""
    contender, results = outcome.contender, outcome.results
    dataset = results.dataset
    content = {
        "dataset": dataset.name,
        "split": dataset.split,
        "root": dataset.root,
        "protocol": dataset.protocol,
        "tracker": contender.name,
        **contender.identity,
        "kernels": contender.kernels,
        "threads": outcome.threads,
        "max_frames": outcome.max_frames,
        "listed": dataset.listed,
        "left_out": [left_out._asdict() for left_out in dataset.left_out],
        "machine": processor_name(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": outcome.command,
        "overall": _overall(results),
        "sequences": {s.name: _sequence(results, s.name) for s in dataset.sequences},
    }
    if outcome.lost:
        content["lost"] = outcome.lost.as_json()
    if dataset.frame_weighted:
        content["frame_weighted"] = _known(results.frame_weighted)
    return content


def _overall(results: Results) -> Figures:
    figures = {**_figures(results.overall), "fps": results.fps}
    if results.dataset.protocol != "ope":
        spread = {name: _known(asdict(value)) for name, value in results.spread.items()}
        figures["spread"] = spread
    return figures


def _sequence(results: Results, name: str) -> Figures:
    sequence = next(s for s in results.dataset.sequences if s.name == name)
    figures = {
        **_figures(results.scores[name]),
        "fps": results.sequence_fps(name),
        "frames": len(sequence.frames),
        "attributes": list(sequence.attributes),
    }
    if results.dataset.protocol != "ope":
        figures["starts"] = {
            start: {
                **_figures(comparison.scores),
                "fps": results.trajectories[name][start].fps,
                "frames": len(results.trajectories[name][start].boxes),
            }
            for start, comparison in results.comparisons[name].items()
        }
    return figures


def _figures(scores: Scores) -> Figures:
    return _known(vars(scores))


def _known(figures: Mapping[str, float]) -> Figures:
    return {name: None if math.isnan(value) else value for name, value in figures.items()}
