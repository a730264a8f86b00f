"""Several trackers over the same sequences, with the truth beside their boxes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from rbsf.errors import InputError
from rbsf.geometry import to_one_indexed

from ..datasets import Sequence as VideoSequence
from ..datasets import load_dataset
from ..metrics import Comparison, Floats, compare
from .errors import ErrorSources, error_sources
from .folders import Entry, read_boxes

FOCUSED = ("rbsf_box", "rbsf")
"""The trackers that a report looks at first, where nobody says which: those of this project."""


@dataclass(frozen=True)
class Pass:
    """One run of a tracker through a sequence, from one start.

    Attributes:
        start: The name of the start; empty under OPE.
        first_frame: The index in the sequence of the frame that the pass starts on.
        predicted: N x 4, 1-indexed.
        truth: N x 4, 1-indexed; a row of NaN where there is no true box.
    """

    start: str
    first_frame: int
    predicted: Floats
    truth: Floats
    bounds: tuple[int, int] | None

    @cached_property
    def comparison(self) -> Comparison:
        """The boxes beside the true ones, over the frames that have a true box."""
        return compare(self.predicted, self.truth, self.bounds)

    @property
    def overlaps(self) -> Floats:
        """The overlap of every frame, N; NaN where there is no true box."""
        every = np.full(len(self.truth), np.nan)
        every[~np.isnan(self.truth).any(axis=1)] = self.comparison.overlaps
        return every

    @property
    def sources(self) -> ErrorSources:
        """Where this pass loses overlap."""
        return error_sources(self.predicted, self.truth, self.bounds)


@dataclass(frozen=True)
class Study:
    """Trackers that are compared with one another.

    Attributes:
        entries: The trackers, the one in focus first.
        names: The sequences that all of them were scored on, in the first tracker's order.
        videos: The sequences with their true boxes and images; empty where they are not at hand.
    """

    entries: tuple[Entry, ...]
    names: tuple[str, ...]
    videos: Mapping[str, VideoSequence] = field(default_factory=dict)

    @property
    def focus(self) -> Entry:
        """The tracker that the report is about; the others are its rivals."""
        return self.entries[0]

    @property
    def data(self) -> str:
        """The data in a line: the set, the split, the number of sequences and frames."""
        results = self.focus.results
        size = f"{len(self.names)} of {results.listed} sequences"
        if results.max_frames:
            size += f", the first {results.max_frames} frames of each"
        return f"{results.dataset}, {results.split} ({size})"

    @property
    def ranking(self) -> list[Entry]:
        """The trackers by their AO, the best first."""
        return sorted(self.entries, key=lambda entry: -sum(self.values(entry, "ao")))

    def values(self, entry: Entry, figure: str) -> list[float]:
        """One figure of each sequence, in the order of `names`; NaN where it was not taken."""
        rows = [getattr(entry.results.sequences[name], figure) for name in self.names]
        return [float("nan") if value is None else float(value) for value in rows]

    def passes(self, entry: Entry, name: str) -> tuple[Pass, ...]:
        """Every pass of a tracker through a sequence, beside the truth.

        Raises:
            InputError: The boxes cannot be read, or are more than the sequence has frames.
        """
        key = (entry.name, name)
        if key not in self._passes:
            self._passes[key] = tuple(_passes(entry, self.videos[name]))
        return self._passes[key]

    @cached_property
    def _passes(self) -> dict[tuple[str, str], tuple[Pass, ...]]:
        return {}


def make_study(
    entries: Sequence[Entry], focus: str | None = None, root: Path | None = None
) -> Study:
    """The trackers over the sequences they share, with the truth if its folder is there.

    Args:
        entries: At least one; all of one data set and protocol.
        focus: The name of the tracker that the report is about.
        root: The data set's folder, if it is no longer where it was evaluated.

    Raises:
        InputError: The results are of different data, share no sequence, or lack the tracker.
    """
    chosen = _focus(entries, focus)
    for other in entries:
        _check_comparable(chosen, other)
    shared = set.intersection(*(set(entry.results.sequences) for entry in entries))
    if not shared:
        raise InputError("the results have no sequence in common; give folders of the same data")
    names = tuple(name for name in chosen.results.sequences if name in shared)
    ordered = (chosen, *(entry for entry in entries if entry is not chosen))
    return Study(ordered, names, _videos(chosen, names, root))


def _focus(entries: Sequence[Entry], name: str | None) -> Entry:
    by_name = {entry.name: entry for entry in entries}
    if name is not None and name not in by_name:
        raise InputError(f"no results of a tracker called {name}; there is {', '.join(by_name)}")
    if name is not None:
        return by_name[name]
    ours = (o for tracker in FOCUSED for o in entries if o.results.tracker == tracker)
    return next(ours, entries[0])


def _check_comparable(first: Entry, second: Entry) -> None:
    for key in ("dataset", "split", "protocol", "max_frames"):
        ours, theirs = getattr(first.results, key), getattr(second.results, key)
        if ours != theirs:
            raise InputError(
                f"{first.folder} and {second.folder} cannot be compared: "
                f"{key} is {ours} in one and {theirs} in the other"
            )


def _videos(entry: Entry, names: tuple[str, ...], root: Path | None) -> dict[str, VideoSequence]:
    folder = root or Path(entry.results.root)
    if root is None and not os.path.isdir(folder):  # Path.is_dir raises for a name that is too long
        return {}
    dataset = load_dataset(entry.results.dataset, folder, names)
    if entry.results.max_frames:
        dataset = dataset.first_frames(entry.results.max_frames)
    return {video.name: video for video in dataset.sequences}


def _passes(entry: Entry, video: VideoSequence) -> list[Pass]:
    """The truth is rounded as it is for scoring. A pass that starts late ends with the sequence."""
    truth = np.round(to_one_indexed(video.boxes), 6)
    found = []
    for start, path in entry.box_files(video.name).items():
        boxes = read_boxes(path)
        first = len(truth) - len(boxes)
        if first < 0:
            raise InputError(
                f"{path} has {len(boxes)} boxes, but {video.name} has {len(truth)} frames"
            )
        found.append(Pass(start, first, boxes, truth[first:], video.bounds))
    return found
