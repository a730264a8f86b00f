"""Strips of frames with the true and the predicted boxes, the worst sequences first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from rbsf.errors import InputError
from rbsf.geometry import Frame

from ..metrics import Floats
from ..runner import frame_of
from .study import Pass, Study
from .tiles import Mark, Tile, cut, view, within

TILES = 8
LOST_OVERLAP = 0.1
LOST_FRAMES = 5
"""A target counts as lost where the overlap stays below LOST_OVERLAP for LOST_FRAMES frames."""


@dataclass(frozen=True)
class Strip:
    """Frames of one sequence.

    Attributes:
        ao: Of the tracker in focus, on the pass that is shown.
        overlaps: For each tracker, the overlap of every frame of that pass.
        lost_from: The number of the frame in which the tracker in focus loses its target, or None.
        first_frame: The index in the sequence of the frame that the pass starts on.
    """

    sequence: str
    start: str
    ao: float
    tiles: tuple[Tile, ...]
    overlaps: tuple[Floats, ...]
    lost_from: int | None
    first_frame: int = 0


def failures_first(study: Study) -> list[str]:
    """The sequences, the one on which the tracker in focus does worst first."""
    values = dict(zip(study.names, study.values(study.focus, "ao"), strict=True))
    return sorted(study.names, key=values.__getitem__)


def make_strips(study: Study, names: Iterable[str]) -> Iterator[Strip]:
    """A strip for each of these sequences; images are read as they are asked for.

    Raises:
        InputError: An unknown sequence, or an image that cannot be read.
    """
    for name in names:
        if name not in study.videos:
            raise InputError(
                f"no sequence {name} in these results; there is {', '.join(study.names)}"
            )
        yield _strip(study, name)


def _strip(study: Study, name: str) -> Strip:
    """The pass that goes worst for the tracker in focus, with the same pass of its rivals."""
    worst = min(study.passes(study.focus, name), key=lambda each: each.comparison.scores.ao)
    passes = [
        next(each for each in study.passes(entry, name) if each.start == worst.start)
        for entry in study.entries
    ]
    overlaps = tuple(each.overlaps for each in passes)
    lost = first_lost(overlaps[0])
    video, first = study.videos[name], worst.first_frame
    tiles = tuple(
        _tile(frame_of(video, first + index), index, passes, overlaps, first, lost)
        for index in choose_frames(overlaps[0])
    )
    lost_from = None if lost is None else lost + worst.first_frame + 1
    return Strip(
        name, worst.start, worst.comparison.scores.ao, tiles, overlaps, lost_from, worst.first_frame
    )


def first_lost(overlaps: Floats) -> int | None:
    """The index of the frame in which the target is lost, or None; it may be absent in between."""
    present = np.flatnonzero(~np.isnan(overlaps))
    low = overlaps[present] < LOST_OVERLAP
    for place in range(len(low) - LOST_FRAMES + 1):
        if low[place : place + LOST_FRAMES].all():
            return int(present[place])
    return None


def choose_frames(overlaps: Floats, count: int = TILES) -> list[int]:
    """Frames at even distances, with the last good one before a loss and the loss itself."""
    frames = len(overlaps)
    if frames <= count:
        return list(range(frames))
    chosen = {int(index) for index in np.linspace(0, frames - 1, count).round()}
    lost = first_lost(overlaps)
    if lost is not None:
        good = np.flatnonzero(overlaps[:lost] >= 0.5)
        wanted = {lost, *good[-1:].tolist()}
        for index in sorted(wanted - chosen):
            spare = chosen - wanted - {0, frames - 1}
            chosen.remove(min(spare, key=lambda each: abs(each - index)))
            chosen.add(index)
    return sorted(chosen)


def _tile(
    frame: Frame,
    index: int,
    passes: list[Pass],
    overlaps: tuple[Floats, ...],
    first_frame: int,
    lost: int | None,
) -> Tile:
    true = passes[0].truth[index]
    predicted = [each.predicted[index] for each in passes]
    window = view(np.array([true, predicted[0]]), (frame.shape[1], frame.shape[0]))
    marks = [] if np.isnan(true).any() else [Mark(None, within(true, window), 1.0)]
    for tracker in range(len(passes) - 1, -1, -1):
        if np.isfinite(predicted[tracker]).all():
            box = within(predicted[tracker], window)
            marks.append(Mark(tracker, box, float(overlaps[tracker][index])))
    return Tile(index + first_frame + 1, cut(frame, window), tuple(marks), index == lost)
