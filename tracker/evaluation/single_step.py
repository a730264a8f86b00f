"""The accuracy of a single step: how well a tracker answers from a box that is nearly right.

It takes minutes where tracking whole sequences takes hours, and one bad frame does not spoil the
frames after it. So it can tell networks apart early. In every fifth frame of a sequence, the true
box of the frame before is moved by a normal error of 9% of its size and scaled by one of 10%. The
tracker looks there, and the IoU of its answer with the true box is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame, iou

from .runner import frame_of
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

    at: int
    """The frame's index in the sequence."""
    believed: Box
    """The box in which the tracker expects the target."""
    truth: Box
    """The true box."""


class SingleStep(NamedTuple):
    """What was measured: the means over a sequence, or over sequences."""

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
        yield Step(index, believed, Box(*truth.tolist()))


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
    return mean_of(single_steps(make_tracker, sequences))


def mean_of(steps: Mapping[str, SingleStep]) -> SingleStep:
    """The means over sequences, each of which counts the same."""
    return SingleStep(*np.mean(list(steps.values()), axis=0).tolist())


def single_steps(
    make_tracker: Callable[[], Looker], sequences: Iterable[Sequence]
) -> dict[str, SingleStep]:
    """Asks a tracker all questions about some sequences; the figures of each by its name.

    Args:
        make_tracker: Makes a new tracker for each sequence.
        sequences: The sequences. Those without any question are skipped.

    Raises:
        InputError: An image cannot be read, or there is no question about any of the sequences.
    """
    found: dict[str, SingleStep] = {}
    for sequence in sequences:
        steps = list(steps_of(sequence))
        if not steps:
            continue
        tracker = make_tracker()
        tracker.init(frame_of(sequence, 0), Box(*sequence.boxes[0].tolist()))
        answers = [tracker.look(frame_of(sequence, step.at), step.believed)[0] for step in steps]
        truth = [step.truth for step in steps]
        stay, answered = iou([step.believed for step in steps], truth), iou(answers, truth)
        row = (stay.mean(), (stay > 0.5).mean(), answered.mean(), (answered > 0.5).mean())
        found[sequence.name] = SingleStep(*map(float, row))
    if not found:
        raise InputError("no sequence is long enough for a single step to be measured")
    return found
