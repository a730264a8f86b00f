"""What a tracker did on a data set, and the figures of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rbsf.geometry import to_one_indexed

from .datasets import Dataset
from .metrics import Comparison, Floats, Scores, compare, overlap_figures


@dataclass(frozen=True)
class Trajectory:
    """A tracker's boxes over one sequence, as the benchmarks' files have them.

    Attributes:
        boxes: N x 4, 1-indexed, rounded to 0.001: what is scored is what is written.
        seconds: spent in the tracker alone, decoding apart; None where other processes ran beside
            it, since such a time says little.
    """

    boxes: Floats
    seconds: float | None

    @property
    def fps(self) -> float | None:
        """Frames a second, the start included."""
        return len(self.boxes) / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Results:
    """One tracker on one data set; `trajectories` has every sequence of `dataset` by name."""

    dataset: Dataset
    trajectories: Mapping[str, Trajectory]

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Each sequence's boxes beside the true ones.

        Rounding the truth to 1e-6 gives back the digits of the file it came from, so that a
        threshold met exactly is decided as the toolkit decides it.
        """
        return {
            s.name: compare(
                self.trajectories[s.name].boxes, np.round(to_one_indexed(s.boxes), 6), s.bounds
            )
            for s in self.dataset.sequences
        }

    @property
    def overall(self) -> Scores:
        """The mean over sequences."""
        return Scores.mean(comparison.scores for comparison in self.comparisons.values())

    @property
    def fps(self) -> float | None:
        """All frames over all seconds; None where one sequence was not timed alone."""
        seconds = [trajectory.seconds for trajectory in self.trajectories.values()]
        if not all(seconds):
            return None
        return self.frames / sum(spent for spent in seconds if spent)

    @property
    def frames(self) -> int:
        """How many were tracked."""
        return sum(len(trajectory.boxes) for trajectory in self.trajectories.values())

    @property
    def success_curve(self) -> Floats:
        """Mean over sequences, at `metrics.OVERLAPS`."""
        return _mean([comparison.success_curve for comparison in self.comparisons.values()])

    @property
    def precision_curve(self) -> Floats:
        """Mean over sequences, at `metrics.DISTANCES`."""
        return _mean([comparison.precision_curve for comparison in self.comparisons.values()])

    @property
    def frame_weighted(self) -> dict[str, float]:
        """AO, SR.5 and SR.75 over the frames of all sequences, as GOT-10k's server averages."""
        overlaps = np.concatenate([c.overlaps[1:] for c in self.comparisons.values()])
        return dict(zip(("ao", "sr50", "sr75"), overlap_figures(overlaps), strict=True))

    def as_json(self) -> dict[str, Any]:
        """The figures as results.json has them."""
        figures: dict[str, Any] = {
            "overall": {**vars(self.overall), "fps": self.fps},
            "sequences": {
                name: {**vars(comparison.scores), "fps": self.trajectories[name].fps}
                for name, comparison in self.comparisons.items()
            },
        }
        if self.dataset.frame_weighted:
            figures["frame_weighted"] = self.frame_weighted
        return figures


def _mean(curves: list[Floats]) -> Floats:
    return np.asarray(np.mean(curves, axis=0))
