"""The accuracy of a single step: how well a tracker answers from a box that is nearly right.

It takes minutes where tracking whole sequences takes hours, and one bad frame does not spoil the
frames after it. So it can tell networks apart early. In every fifth frame of a sequence, the true
box of the frame before is moved by a normal error of 9% of its size and scaled by one of 10%. The
tracker looks there, and the IoU of its answer with the true box is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame, iou

from .readers.got10k import find_got10k
from .runner import read_frame
from .sequence import Sequence

EVERY = 5
"""The distance between two frames that are asked about."""
PLACE_ERROR, SIZE_ERROR = 0.09, 0.10
"""The standard deviations of the place, in sides of the box, and of the size's logarithm."""


class Looker(Protocol):
    """A tracker that can be asked about a frame without remembering it."""

    def init(self, frame: Frame, box: Box, /) -> object:
        """Takes the target from the first frame."""

    def look(self, frame: Frame, believed: Box, /) -> tuple[Box, float]:
        """Finds the target near a box. Returns its box and a score."""


class Step(NamedTuple):
    """One question to a tracker."""

    frame: Path
    """The image."""
    believed: Box
    """The box in which the tracker expects the target."""
    truth: Box
    """The true box."""


class SingleStep(NamedTuple):
    """The means over sequences of what was measured."""

    stay: float
    """The IoU of the believed boxes."""
    stay_above_half: float
    """The share of the believed boxes with an IoU above 0.5."""
    iou: float
    """The IoU of the answers."""
    above_half: float
    """The share of the answers with an IoU above 0.5."""


def steps_of(sequence: Sequence, seed: int = 0) -> Iterator[Step]:
    """Yields the questions about a sequence, which are the same for every tracker.

    Args:
        sequence: The sequence.
        seed: The seed of the errors of believed boxes.
    """
    for index in range(EVERY, len(sequence.frames), EVERY):
        before, truth = sequence.boxes[index - 1], sequence.boxes[index]
        if np.isnan(before).any() or np.isnan(truth).any():
            continue
        draw = np.random.default_rng([seed, index])
        cx, cy = Box(*before.tolist()).center
        w, h = before[2:] * np.exp(draw.normal(0, SIZE_ERROR))
        dx, dy = draw.normal(0, PLACE_ERROR, 2) * before[2:]
        believed = Box.from_center(float(cx + dx), float(cy + dy), float(w), float(h))
        yield Step(sequence.frames[index], believed, Box(*truth.tolist()))


def measure_single_step(
    make_tracker: Callable[[], Looker], sequences: Iterable[Sequence]
) -> SingleStep:
    """Asks a tracker all questions about some sequences.

    Args:
        make_tracker: Makes a new tracker for each sequence.
        sequences: The sequences. Those without any question are skipped.

    Raises:
        InputError: An image cannot be read, or there is no question about any of the sequences.
    """
    rows = []
    for sequence in sequences:
        steps = list(steps_of(sequence))
        if not steps:
            continue
        tracker = make_tracker()
        tracker.init(read_frame(sequence.frames[0]), Box(*sequence.boxes[0].tolist()))
        answers = [tracker.look(read_frame(step.frame), step.believed)[0] for step in steps]
        truth = [step.truth for step in steps]
        stay, found = iou([step.believed for step in steps], truth), iou(answers, truth)
        rows.append((stay.mean(), (stay > 0.5).mean(), found.mean(), (found > 0.5).mean()))
    if not rows:
        raise InputError("no sequence is long enough for a single step to be measured")
    return SingleStep(*np.mean(rows, axis=0).tolist())


def held_out_sequences(root: Path, every: int) -> list[Sequence]:
    """Reads the sequences of a GOT-10k train split that the training of boxes leaves out.

    Sequences that are missing or damaged are skipped.

    Args:
        root: The folder above `train`.
        every: The training's `data.hold_out`: one in so many sequences is left out.

    Raises:
        InputError: There is no list of sequences, or `every` is below 1.
    """
    if every < 1:
        raise InputError(f"a training that holds out {every} sequences leaves none to measure")
    loaders = list(find_got10k("train", root).values())
    if not loaders:
        raise InputError(f"there is no train/list.txt in {root}")
    found = []
    for load in loaders[::every]:
        try:
            found.append(load())
        except InputError:
            continue
    return found
