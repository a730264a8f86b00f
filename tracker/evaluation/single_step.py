"""Accuracy of one step: how well a tracker answers, told a place and a size that are nearly right.

It needs minutes where tracking whole sequences needs hours, and one bad frame does not spoil those
behind it, so networks can be told apart by it. In every fifth frame of a sequence the true box of
the frame before is moved by a normal error of 9% of its size and scaled by one of 10%; the tracker
looks there, and the IoU of its answer with the truth is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from rbsf.geometry import Box, Frame, iou
from tracker.evaluation.datasets import IncompleteSequence, Sequence, load_got10k_sequence
from tracker.evaluation.runner import read_frame

EVERY = 5
PLACE_ERROR, SIZE_ERROR = 0.09, 0.10
"""Standard deviations: of the place in sides of the box, of the logarithm of the size."""


class Looker(Protocol):
    """A tracker that can be asked without remembering."""

    def init(self, frame: Frame, box: Box, /) -> object:
        """Takes the target from the first frame."""

    def look(self, frame: Frame, believed: Box, /) -> tuple[Box, float]:
        """The box, and its score, of a target that should be at `believed`."""


class Step(NamedTuple):
    """One question: a frame, the box believed, the true one."""

    frame: Path
    believed: Box
    truth: Box


class SingleStep(NamedTuple):
    """Means over sequences of the IoU of believed boxes and of answers, and shares above 0.5."""

    stay: float
    stay_above_half: float
    iou: float
    above_half: float


def steps_of(sequence: Sequence, seed: int = 0) -> Iterator[Step]:
    """The questions about a sequence; the same ones for every tracker."""
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
    """Asks a tracker about every sequence that has a question."""
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
    return SingleStep(*np.mean(rows, axis=0).tolist())


def held_out_sequences(root: Path, every: int) -> list[Sequence]:
    """Every so many-th sequence of a GOT-10k train split: those that box training leaves out.

    Args:
        root: the folder above `train`.
        every: `data.hold_out` of the training.
    """
    names = (root / "train" / "list.txt").read_text(encoding="utf-8").split()
    found = []
    for name in names[::every]:
        try:
            found.append(load_got10k_sequence(name, root / "train" / name))
        except IncompleteSequence:
            continue
    return found
