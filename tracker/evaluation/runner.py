"""Runs a tracker over a data set: decode, then start the clock, then track; one pass, no resets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from rbsf.errors import InputError
from rbsf.files.image import read_image
from rbsf.geometry import Box, Frame, to_one_indexed

from .archive import Archive
from .datasets import Dataset, Sequence
from .results import Results, Trajectory


class Estimate(Protocol):
    """What a tracker says of one frame; only the box is scored."""

    @property
    def box(self) -> Box: ...


class Tracker(Protocol):
    """Anything that follows one box; made anew for every sequence."""

    def init(self, frame: Frame, box: Box, /) -> Any:
        """Starts on a BGR frame with the target's box, 0-indexed."""

    def update(self, frame: Frame, /) -> Estimate:
        """Finds the target in the next frame."""


MakeTracker = Callable[[], Tracker]


def evaluate_tracker(
    make_tracker: MakeTracker,
    dataset: Dataset,
    max_frames: int | None = None,
    *,
    workers: int = 1,
    archive: Archive | None = None,
    on_sequence: Callable[[Sequence, bool], None] | None = None,
) -> Results:
    """A tracker on a data set, in this process or over several.

    Args:
        make_tracker: gives a fresh tracker for each sequence. With several workers it is pickled,
            and should load its network where it is called.
        max_frames: of each sequence, the first so many; all by default.
        workers: processes. Speed is measured only where it is 1.
        archive: where finished sequences are kept; those it holds already are not run again.
        on_sequence: called as each sequence ends, for a progress bar; its second argument says
            whether the sequence came from the archive.

    Raises:
        InputError: an image that cannot be read, by its path.
    """
    if max_frames is not None:
        dataset = dataset.first_frames(max_frames)
    kept = archive.load_all(dataset.sequences) if archive else {}
    for sequence in dataset.sequences:
        if on_sequence and sequence.name in kept:
            on_sequence(sequence, True)
    fresh = {}
    todo = [sequence for sequence in dataset.sequences if sequence.name not in kept]
    for sequence, trajectory in _track_all(make_tracker, todo, workers):
        fresh[sequence.name] = trajectory
        if archive:
            archive.save(sequence, trajectory)
        if on_sequence:
            on_sequence(sequence, False)
    found = kept | fresh
    return Results(dataset, {sequence.name: found[sequence.name] for sequence in dataset.sequences})


def track_sequence(make_tracker: MakeTracker, sequence: Sequence) -> Trajectory:
    """One pass from the first true box; the clock runs in the tracker alone."""
    tracker = make_tracker()
    boxes = [Box(*sequence.boxes[0].tolist())]
    seconds = 0.0
    for index, path in enumerate(sequence.frames):
        frame = read_frame(path)
        start = time.perf_counter()
        if index == 0:
            tracker.init(frame, boxes[0])
        else:
            boxes.append(tracker.update(frame).box)
        seconds += time.perf_counter() - start
    return Trajectory(np.round(to_one_indexed(boxes), 3), seconds)


def read_frame(path: Path) -> Frame:
    """An image as the trackers take it: BGR uint8 HxWx3, as stored (rotation tags are ignored).

    Raises:
        InputError: no image can be read there.
    """
    frame = read_image(path, as_stored=True)
    if frame is None:
        raise InputError(f"cannot read image {path}: it is missing, empty or damaged")
    return frame


def _track_all(
    make_tracker: MakeTracker, sequences: list[Sequence], workers: int
) -> Iterator[tuple[Sequence, Trajectory]]:
    """Each sequence as it ends; over processes by joblib, whose backends also take a cluster."""
    if workers == 1:
        yield from ((sequence, track_sequence(make_tracker, sequence)) for sequence in sequences)
        return
    from joblib import Parallel, delayed

    jobs = (delayed(_track_beside_others)(make_tracker, sequence) for sequence in sequences)
    yield from Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)


def _track_beside_others(
    make_tracker: MakeTracker, sequence: Sequence
) -> tuple[Sequence, Trajectory]:
    cv2.setNumThreads(1)
    return sequence, replace(track_sequence(make_tracker, sequence), seconds=None)
