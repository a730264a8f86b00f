"""What a tracker did on a data set, and the figures of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import to_one_indexed

from .datasets import Dataset, Sequence
from .metrics import Comparison, Floats, Scores, compare, overlap_figures


@dataclass(frozen=True)
class Trajectory:
    """A tracker's answers over one run, with boxes as the benchmarks' files have them.

    Attributes:
        boxes: N x 4, 1-indexed and rounded to 0.001, so that what is scored is what is written.
        times: The seconds that each frame took in the tracker alone, decoding left aside.
        scores: How sure the tracker was in each frame, 0 to 1, rounded to 0.0001. NaN where it does
            not say. The first frame, which is given, has 1.
        lost: Whether it said in each frame that the target is lost.
        alone: Whether no other process of the evaluation ran beside it. The times of one that did
            not run alone say little, and no speed is reported of them.
    """

    boxes: Floats
    times: Floats
    scores: Floats
    lost: NDArray[np.bool_]
    alone: bool = True

    @property
    def seconds(self) -> float | None:
        """The time of all frames, or None where it says little."""
        return float(self.times.sum()) if self.alone else None

    @property
    def fps(self) -> float | None:
        """Frames a second, the first included."""
        return len(self.boxes) / self.seconds if self.seconds else None


Trajectories = Mapping[str, Mapping[str, Trajectory]]
"""The trajectories of each sequence by its name, and below it of each run by its start's name."""


@dataclass(frozen=True)
class Spread:
    """How far the mean over a data set varies between the starts of a protocol."""

    mean: float
    std: float
    min: float
    max: float


@dataclass(frozen=True)
class Results:
    """One tracker on one data set.

    Attributes:
        dataset: What was measured. A sequence on which a run failed is among those left out.
        trajectories: Every run of every sequence of `dataset`.
    """

    dataset: Dataset
    trajectories: Trajectories

    @cached_property
    def comparisons(self) -> dict[str, dict[str, Comparison]]:
        """Each run's boxes beside the true ones, by sequence and start."""
        return {
            sequence.name: {
                start: _compare(trajectory, sequence)
                for start, trajectory in self.trajectories[sequence.name].items()
            }
            for sequence in self.dataset.sequences
        }

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """The figures of each sequence, which are means over its runs."""
        return {
            name: Scores.mean(comparison.scores for comparison in runs.values())
            for name, runs in self.comparisons.items()
        }

    @property
    def overall(self) -> Scores:
        """The mean over sequences."""
        return Scores.mean(self.scores.values())

    @property
    def spread(self) -> dict[str, Spread]:
        """For each figure, how far the mean over sequences varies from start to start."""
        by_start: dict[str, list[Scores]] = {}
        for runs in self.comparisons.values():
            for start, comparison in runs.items():
                by_start.setdefault(start, []).append(comparison.scores)
        means = [vars(Scores.mean(scores)) for scores in by_start.values()]
        return {
            figure: _spread([mean[figure] for mean in means]) for figure in vars(Scores.unknown())
        }

    @property
    def fps(self) -> float | None:
        """All frames over all seconds; None where one run was not timed alone."""
        seconds = [trajectory.seconds for trajectory in self._all()]
        if not all(seconds) or not seconds:
            return None
        return self.frames / sum(spent for spent in seconds if spent)

    @property
    def frames(self) -> int:
        """The number of frames that were tracked."""
        return sum(len(trajectory.boxes) for trajectory in self._all())

    @property
    def success_curve(self) -> Floats:
        """The mean over sequences, at `metrics.OVERLAPS`."""
        return self._mean_curve("success_curve")

    @property
    def precision_curve(self) -> Floats:
        """The mean over sequences, at `metrics.DISTANCES`."""
        return self._mean_curve("precision_curve")

    @property
    def frame_weighted(self) -> dict[str, float]:
        """AO, SR.5 and SR.75 over the frames of all sequences, as GOT-10k's server averages."""
        runs = [run for runs in self.comparisons.values() for run in runs.values()]
        overlaps = np.concatenate([np.empty(0), *(run.overlaps[1:] for run in runs)])
        return dict(zip(("ao", "sr50", "sr75"), overlap_figures(overlaps), strict=True))

    def sequence_fps(self, name: str) -> float | None:
        """The speed on one sequence, over all its runs."""
        runs = self.trajectories[name].values()
        seconds = [run.seconds for run in runs if run.seconds]
        frames = sum(len(run.boxes) for run in runs)
        return frames / sum(seconds) if len(seconds) == len(runs) and seconds else None

    def _all(self) -> Iterator[Trajectory]:
        for runs in self.trajectories.values():
            yield from runs.values()

    def _mean_curve(self, curve: str) -> Floats:
        curves = [
            np.mean([getattr(comparison, curve) for comparison in runs.values()], axis=0)
            for runs in self.comparisons.values()
        ]
        return np.asarray(np.mean(curves, axis=0))


def _compare(trajectory: Trajectory, sequence: Sequence) -> Comparison:
    """A run beside the truth over its frames, which are the last of the sequence.

    Rounding the truth to 1e-6 gives back the digits of the file it came from, so that a threshold
    that is met exactly is decided as the toolkit decides it.
    """
    truth = np.round(to_one_indexed(sequence.boxes[-len(trajectory.boxes) :]), 6)
    return compare(trajectory.boxes, truth, sequence.bounds)


def _spread(values: list[float]) -> Spread:
    found = np.array(values or [np.nan])
    return Spread(*(float(measure(found)) for measure in (np.mean, np.std, np.min, np.max)))
