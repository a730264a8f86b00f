"""Fits the score of the box tracker: a logistic model of whether a frame is held.

The tracker runs over annotated tracks, and over the tests of absence that are made from them. In
every frame it says what its score is made from, and the truth says whether the IoU is above 1/2.
While this is measured, the tracker does not look elsewhere for a lost target, so what it does and
the data with it do not depend on the coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.box_answer import BoxNetwork
from rbsf.errors import InputError
from rbsf.geometry import Box, iou

from ..loop.box_config import BoxTrackerConfig
from ..loop.box_score import Evidence, ScoreConfig, probability
from ..loop.box_tracker import BoxTracker
from .absences import tests_of
from .lost import HELD, auc
from .metrics import Floats
from .runner import frame_of
from .sequence import Sequence

RIDGE = 1e-3
"""The weight of the squared coefficients of standardised evidence, beside the mean log loss."""
QUARTERS = 4
"""How many parts the tracks are divided into for cross-validation."""
STEPS = 30
"""Newton's method has converged long before so many steps."""


class Watched(NamedTuple):
    """What was seen in N frames."""

    seen: Floats
    """The evidence of each frame (see `tracker.loop.box_score.Evidence`), N x 3."""
    held: NDArray[np.bool_]
    """N, whether the target was there and the IoU above 1/2."""


class Fit(NamedTuple):
    """How good a score is on some frames."""

    auc: float | None
    """The area under the ROC curve."""
    log_loss: float
    """The mean of -log P(what happened)."""
    frames: int
    """The number of frames."""


def gather(network: BoxNetwork, tracks: Several[Sequence]) -> list[Watched]:
    """Runs the tracker over tracks and over the tests that can be made from them.

    Tracks whose frames change their size, or cannot be read, are skipped.

    Args:
        network: The network with a box head.
        tracks: The tracks. Their pictures cover each other's targets.

    Returns:
        What was seen of each track and its tests.

    Raises:
        InputError: No track is left.
    """
    found = []
    for track in tracks:
        others = [other.frames[len(other.frames) // 2] for other in tracks if other is not track]
        parts = []
        for sequence in (track, *tests_of(track, others)):
            try:
                parts.append(_watch(network, sequence))
            except InputError:
                continue
        if parts:
            found.append(joined(parts))
    if not found:
        raise InputError("there is no track to fit the score on")
    return found


def joined(parts: Several[Watched]) -> Watched:
    """All frames of several parts."""
    seen, held = zip(*parts, strict=True)
    return Watched(np.concatenate(seen), np.concatenate(held))


def cross_validated(tracks: Several[Watched]) -> Fit:
    """How good a fit is on tracks that it has not seen: each quarter is told from the others.

    Raises:
        InputError: There are fewer tracks than quarters, or as `fit`.
    """
    if len(tracks) < QUARTERS:
        raise InputError(f"the score needs {QUARTERS} tracks or more, but {len(tracks)} are left")
    probabilities, held = [], []
    for number in range(QUARTERS):
        left_out = joined(tracks[number::QUARTERS])
        rest = [track for i, track in enumerate(tracks) if i % QUARTERS != number]
        probabilities.append(probability(fit(joined(rest)), left_out.seen))
        held.append(left_out.held)
    return _fit_of(np.concatenate(probabilities), np.concatenate(held))


def fit(watched: Watched) -> ScoreConfig:
    """Fits the coefficients to what was seen, by Newton's method.

    Raises:
        InputError: All frames are held, or none.
    """
    seen, held = watched
    if held.all() or not held.any():
        raise InputError("the score needs frames that are held and frames that are not")
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-9
    inputs = np.hstack([np.ones((len(seen), 1)), (seen - mean) / spread])
    ridge = RIDGE * len(seen) * np.diag([0.0, *np.ones(seen.shape[1])])
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (p - held) + ridge @ found
        curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs + ridge
        found -= np.linalg.solve(curvature, slope)
    weights = found[1:] / spread
    bias = found[0] - float(weights @ mean)
    named = zip(("bias", *Evidence._fields), (bias, *weights.tolist()), strict=True)
    return ScoreConfig(**{name: round(value, 3) for name, value in named})


def quality(config: ScoreConfig, watched: Watched) -> Fit:
    """How well the score of some coefficients tells frames that are held from others."""
    return _fit_of(probability(config, watched.seen), watched.held)


def _fit_of(p: Floats, held: NDArray[np.bool_]) -> Fit:
    of_truth = np.clip(np.where(held, p, 1 - p), 1e-12, 1)
    return Fit(auc(p, held), float(-np.log(of_truth).mean()), len(p))


def _watch(network: BoxNetwork, sequence: Sequence) -> Watched:
    """What is seen in each frame of a sequence but the first, and whether it is held."""
    config = BoxTrackerConfig()
    still = config.recovery.model_copy(update={"crops": 0})
    tracker = BoxTracker(network, config.model_copy(update={"recovery": still}))
    tracker.init(frame_of(sequence, 0), Box(*sequence.boxes[0].tolist()))
    seen, boxes = [], []
    for index in range(1, len(sequence.frames)):
        boxes.append(tracker.update(frame_of(sequence, index)).box)
        seen.append(tracker.evidence)
    overlaps = np.where(sequence.present[1:], iou(boxes, np.nan_to_num(sequence.boxes[1:])), 0.0)
    return Watched(np.array(seen), overlaps > HELD)
