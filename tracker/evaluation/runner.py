"""Runs a tracker over a data set: decode, then start the clock, then track.

A run that fails takes its sequence out of the results, by name and with the reason. The others go
on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from rbsf.errors import InputError
from rbsf.files.image import read_image
from rbsf.geometry import Box, Frame, to_one_indexed

from ..processes import in_processes
from .archive import Archive
from .datasets import Dataset, LeftOut
from .protocols import Run, runs_of
from .results import Results, Trajectory
from .sequence import Sequence


class Estimate(Protocol):
    """What a tracker says of one frame: a box and, if it likes, a `score` and whether it is `lost`.

    A tracker without a score is taken as one that does not say how sure it is, and one without a
    lost flag as one that never says so.
    """

    @property
    def box(self) -> Box: ...


class Tracker(Protocol):
    """Anything that follows one box. A new one is made for every run."""

    def init(self, frame: Frame, box: Box, /) -> Any:
        """Starts on a BGR frame with the target's box, 0-indexed."""

    def update(self, frame: Frame, /) -> Estimate:
        """Finds the target in the next frame."""


MakeTracker = Callable[[], Tracker]


class Failure(NamedTuple):
    """Why a run has no boxes, in one line."""

    reason: str


def evaluate_tracker(
    make_tracker: MakeTracker,
    dataset: Dataset,
    max_frames: int | None = None,
    *,
    workers: int = 1,
    threads: int | None = None,
    archive: Archive | None = None,
    on_run: Callable[[Run, bool], None] | None = None,
) -> Results:
    """A tracker on a data set, in this process or over several.

    Args:
        make_tracker: Gives a fresh tracker for each run. With several workers it is pickled, and
            should load its network where it is called.
        dataset: What to run on, and under which protocol.
        max_frames: Only the first frames of each sequence, so many. None takes all.
        workers: The number of processes. Speed is measured only where it is 1. A number below 1
            leaves it to joblib's backend, which may be a cluster.
        threads: How many threads OpenCV may use in each process. None leaves them as they are.
        archive: Where finished runs are kept. Those that it holds already are not done again.
        on_run: Called as each run ends. Its second argument says whether the run was done before.

    Raises:
        InputError: A worker process was killed.
    """
    if max_frames is not None:
        dataset = dataset.first_frames(max_frames)
    runs = [run for s in dataset.sequences for run in runs_of(s, dataset.protocol)]
    found = archive.load_all(runs) if archive else {}
    done = {run.path for run in runs if run.path in found}
    failures: dict[str, Failure] = {}
    if on_run:
        for run in runs:
            if run.path in done:
                on_run(run, True)
    todo = [run for run in runs if run.path not in done]
    for run, outcome in _track_all(make_tracker, todo, workers, threads):
        kept = _keep(archive, run, outcome)
        if isinstance(kept, Failure):
            failures[run.path] = kept
        else:
            found[run.path] = kept
        if on_run:
            on_run(run, False)
    return _results(dataset, runs, found, failures)


def _keep(archive: Archive | None, run: Run, outcome: Trajectory | Failure) -> Trajectory | Failure:
    """A finished run, once it is on disk."""
    if archive is None or isinstance(outcome, Failure):
        return outcome
    try:
        archive.save(run, outcome)
    except InputError as error:
        return Failure(str(error))
    return outcome


def _results(
    dataset: Dataset,
    runs: list[Run],
    found: dict[str, Trajectory],
    failures: dict[str, Failure],
) -> Results:
    """The results of the sequences of which every run ended well."""
    left_out: dict[str, LeftOut] = {}
    trajectories: dict[str, dict[str, Trajectory]] = {}
    for run in runs:
        name = run.sequence.name
        if run.path in failures:
            left_out.setdefault(name, LeftOut(name, failures[run.path].reason))
        else:
            trajectories.setdefault(name, {})[run.start.name] = found[run.path]
    measured = tuple(s for s in dataset.sequences if s.name not in left_out)
    return Results(
        replace(
            dataset,
            sequences=measured,
            left_out=dataset.left_out + tuple(left_out.values()),
        ),
        {sequence.name: trajectories[sequence.name] for sequence in measured},
    )


def track(make_tracker: MakeTracker, run: Run, *, alone: bool = True) -> Trajectory | Failure:
    """One run from its first box to the end. The clock runs in the tracker alone."""
    boxes: list[Box] = []
    times: list[float] = []
    said: list[tuple[float, bool]] = []
    try:
        tracker = make_tracker()
        for index in range(run.start.frame, len(run.sequence.frames)):
            frame = frame_of(run.sequence, index)
            box = boxes[-1] if boxes else run.first_box((frame.shape[1], frame.shape[0]))
            start = time.perf_counter()
            answer = tracker.update(frame) if boxes else tracker.init(frame, box)
            times.append(time.perf_counter() - start)
            said.append(_said(answer) if boxes else (1.0, False))
            boxes.append(answer.box if boxes else box)
        scores, lost = np.array(said, dtype=np.float64).T
        rounded = np.round(to_one_indexed(boxes), 3), np.array(times), np.round(scores, 4)
        return Trajectory(*rounded, lost > 0, alone)
    except InputError as error:
        return Failure(str(error))
    except Exception as error:  # a rival may raise anything
        frame_number = run.start.frame + len(boxes) + 1
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return Failure(f"the tracker failed at frame {frame_number}: {text[:300]}")


def _said(answer: Estimate) -> tuple[float, bool]:
    """The score and the lost flag of an answer."""
    score = getattr(answer, "score", None)
    return math.nan if score is None else float(score), bool(getattr(answer, "lost", False))


def frame_of(sequence: Sequence, index: int) -> Frame:
    """The frame of an index of a sequence, as the trackers take it.

    Raises:
        InputError: As `read_frame`.
    """
    frame = read_frame(sequence.frames[index])
    return sequence.edit(frame, index) if sequence.edit else frame


def read_frame(path: Path) -> Frame:
    """An image as the trackers take it: BGR uint8 HxWx3, as stored (rotation tags are ignored).

    Raises:
        InputError: There is no image that can be read.
    """
    frame = read_image(path, as_stored=True)
    if frame is None:
        raise InputError(f"cannot read image {path}: it is missing, empty or damaged")
    return frame


def _track_all(
    make_tracker: MakeTracker, runs: list[Run], workers: int, threads: int | None
) -> Iterator[tuple[Run, Trajectory | Failure]]:
    """Each run as it ends, over processes by joblib, whose backends also take a cluster."""
    if workers == 1:
        _set_threads(threads)
        yield from ((run, track(make_tracker, run)) for run in runs)
        return
    yield from in_processes(
        (partial(_track_beside_others, make_tracker, run, threads) for run in runs), workers
    )


def _track_beside_others(
    make_tracker: MakeTracker, run: Run, threads: int | None
) -> tuple[Run, Trajectory | Failure]:
    _set_threads(threads or 1)
    return run, track(make_tracker, run, alone=False)


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        cv2.setNumThreads(threads)
