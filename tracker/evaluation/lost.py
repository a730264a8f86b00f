"""Whether a tracker knows when it has lost its target, and how soon it finds it again.

A frame is *held* where the target is visible and the box has an IoU above 1/2 with the true one.
The first frame, which is given, never counts.

- The flag: its precision is the share of flagged frames that are not held, and its recall is the
  share of frames not held that are flagged. Both are over the frames of all sequences.
- Found again: a loss begins where the target is absent or the box does not touch it, and ends with
  the next frame that is held. Its length is the number of frames between in which the target is
  visible. It is 0 where the box is right as soon as the target is back, and infinite where the
  sequence ends first. A loss at whose end the target is still absent does not count.
- Long-term scores as the VOT long-term challenge has them (Lukezic et al., "Now you see me", 2018):
  at a threshold t, with G the true and A the predicted box, which counts where its score is t or
  more,

      Pr(t) = mean of IoU(A, G) over the frames in which A counts, 0 where the target is absent
      Re(t) = sum of IoU(A, G) over those frames / the number of frames in which it is visible
      F(t) = 2 Pr Re / (Pr + Re)

  Pr and Re are means over runs, and the threshold is the one with the best F. A run without any
  counting box has Pr = 1, as in VOT's toolkit.
- The score as a probability that the frame is held: the area under the ROC curve (AUC), and the
  share of held frames beside the mean score in ten bins (reliability).

A tracker that gives no score has 0 where it says that it is lost, and 1 elsewhere, in the long-term
scores alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .metrics import Floats
from .results import Results

HELD = 0.5
"""A frame is held where the IoU is above this."""
THRESHOLDS = 100
"""How many thresholds the best F is looked for at: quantiles of all scores."""
BINS = 10
"""The bins of the reliability diagram, of one width."""


@dataclass(frozen=True)
class Watch:
    """What a tracker said in one run, over the M frames after the first.

    Attributes:
        overlaps: M, the IoU with the true box; NaN where the target is absent.
        scores: M, in [0, 1]; NaN where the tracker gives none.
        lost: M, whether it said that the target is lost.
    """

    overlaps: Floats
    scores: Floats
    lost: NDArray[np.bool_]

    @property
    def held(self) -> NDArray[np.bool_]:
        """Whether the target is there and the box is right."""
        return np.asarray(self.overlaps > HELD)  # false for NaN

    @property
    def sureness(self) -> Floats:
        """The scores, or what stands for them where the tracker gives none."""
        return np.where(np.isnan(self.scores), 1.0 - self.lost, self.scores)


class Flag(NamedTuple):
    """The lost flag; a figure is None where it has no frame to be taken over."""

    precision: float | None
    recall: float | None
    f: float | None


class FoundAgain(NamedTuple):
    """The losses of all runs."""

    losses: int
    """How many losses there were."""
    found: int
    """How many of them ended."""
    median_frames: float | None
    """The median length; None where fewer than half of them ended."""


class LongTerm(NamedTuple):
    """VOT's long-term scores at the threshold with the best F; None without a visible target."""

    precision: float | None
    recall: float | None
    f: float | None
    threshold: float | None


class Bin(NamedTuple):
    """One bin of the reliability diagram."""

    score: float
    """The mean score of its frames."""
    held: float
    """The share of its frames that are held."""
    frames: int
    """How many frames it has, at least one."""


@dataclass(frozen=True)
class LostFigures:
    """All of the module's figures for one tracker."""

    flag: Flag
    found_again: FoundAgain
    long_term: LongTerm
    auc: float | None
    reliability: tuple[Bin, ...]

    @classmethod
    def of(cls, runs: Sequence[Watch]) -> LostFigures:
        """Takes the figures of some runs together."""
        held = np.concatenate([np.empty(0, bool), *(run.held for run in runs)])
        lost = np.concatenate([np.empty(0, bool), *(run.lost for run in runs)])
        scores = np.concatenate([np.empty(0), *(run.scores for run in runs)])
        return cls(
            flag(held, lost),
            found_again(runs),
            long_term(runs),
            auc(scores, held),
            reliability(scores, held),
        )

    def as_json(self) -> dict[str, Any]:
        """The figures as results.json has them."""
        return {
            "flag": self.flag._asdict(),
            "found_again": self.found_again._asdict(),
            "long_term": self.long_term._asdict(),
            "auc": self.auc,
            "reliability": [each._asdict() for each in self.reliability],
        }

    @classmethod
    def of_results(cls, results: Results) -> LostFigures:
        """Takes the figures of all runs of a tracker."""
        return cls.of(list(watches(results)))


def watches(results: Results) -> Iterator[Watch]:
    """What a tracker said in each run."""
    for sequence in results.dataset.sequences:
        for start, run in results.trajectories[sequence.name].items():
            present = sequence.present[-len(run.boxes) :]
            overlaps = np.full(len(present), np.nan)
            overlaps[present] = results.comparisons[sequence.name][start].overlaps
            yield Watch(overlaps[1:], run.scores[1:], run.lost[1:])


def flag(held: NDArray[np.bool_], lost: NDArray[np.bool_]) -> Flag:
    """Scores the flag over M frames."""
    right = float((lost & ~held).sum())
    precision = right / float(lost.sum()) if lost.any() else None
    recall = right / float((~held).sum()) if not held.all() else None
    f = None if precision is None or recall is None else _f(precision, recall)
    return Flag(precision, recall, f)


def found_again(runs: Iterable[Watch]) -> FoundAgain:
    """Counts the losses of some runs."""
    lengths = sorted(length for run in runs for length in losses(run.overlaps))
    found = sum(math.isfinite(length) for length in lengths)
    middle = lengths[(len(lengths) - 1) // 2] if lengths else math.inf
    return FoundAgain(len(lengths), found, middle if math.isfinite(middle) else None)


def losses(overlaps: Floats) -> list[float]:
    """The length of each loss of a run, from its overlaps, NaN where the target is absent."""
    lengths: list[float] = []
    visible: int | None = None  # frames with the target in sight since the loss began
    for overlap in overlaps.tolist():
        absent = math.isnan(overlap)
        if visible is not None and overlap > HELD:
            lengths.append(visible)
            visible = None
        elif visible is not None:
            visible += not absent
        elif absent or overlap == 0:
            visible = int(not absent)
    if visible is not None and len(overlaps) and not math.isnan(overlaps[-1]):
        lengths.append(math.inf)
    return lengths


def long_term(runs: Sequence[Watch]) -> LongTerm:
    """VOT's long-term scores of some runs, each of which weighs the same."""
    runs = [run for run in runs if np.isfinite(run.overlaps).any()]
    every = np.concatenate([np.empty(0), *(run.sureness for run in runs)])
    best, highest = LongTerm(None, None, None, None), -1.0
    steps = np.linspace(0, 1, THRESHOLDS)
    for threshold in np.unique(np.quantile(every, steps, method="lower")) if runs else ():
        pairs = [_precision_recall(run, float(threshold)) for run in runs]
        precision, recall = np.mean(pairs, axis=0).tolist()
        f = _f(precision, recall)
        if f > highest:
            best, highest = LongTerm(precision, recall, f, float(threshold)), f
    return best


def auc(scores: Floats, held: NDArray[np.bool_]) -> float | None:
    """The chance that a held frame has a higher score than another, ties counting one half.

    It is None where a score is missing, or where all frames or none are held.
    """
    positives, negatives = int(held.sum()), int((~held).sum())
    if np.isnan(scores).any() or not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # the mean rank of equal scores
    above = float(ranks[held].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def reliability(scores: Floats, held: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The bins that have frames, in the order of their scores; none where a score is missing."""
    if np.isnan(scores).any():
        return ()
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(float(scores[inside].mean()), float(held[inside].mean()), int(inside.sum()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    )


def _precision_recall(run: Watch, threshold: float) -> tuple[float, float]:
    counts, overlaps = run.sureness >= threshold, np.nan_to_num(run.overlaps)
    if not counts.any():
        return 1.0, 0.0
    visible = np.isfinite(run.overlaps).sum()
    return float(overlaps[counts].mean()), float(overlaps[counts].sum() / visible)


def _f(precision: float, recall: float) -> float:
    """The harmonic mean, 0 where both are 0."""
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0
