"""Figures of a track against the truth, as the benchmarks define them.

Overlap is intersection over union (IoU); the distance is between box centres, in pixels. Equal to
`got10k.utils.metrics` and the toolkit's experiments to 1e-9.

- AO: mean IoU over the frames after the first; SR.5, SR.75: the share of them above that IoU.
  (GOT-10k; on OTB our habit too.)
- success: the mean of the success curve (share of frames above each of 21 IoU thresholds);
  precision: the share of frames within 20 px. (OTB; the first frame, which is given, counts.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbsf.geometry import iou

Floats = NDArray[np.float64]

OVERLAPS: Floats = np.linspace(0, 1, 21)
"""Thresholds of the success curve: IoU > threshold."""
DISTANCES: Floats = np.arange(51, dtype=np.float64)
"""Thresholds of the precision curve, pixels: distance <= threshold."""


@dataclass(frozen=True)
class Scores:
    """The figures of one sequence, or their mean over several; all in [0, 1]."""

    ao: float
    sr50: float
    sr75: float
    success_auc: float
    precision_20px: float

    @classmethod
    def mean(cls, scores: Iterable[Scores]) -> Scores:
        """Each sequence weighs the same, however long it is."""
        rows = [tuple(vars(score).values()) for score in scores]
        return cls(*np.mean(rows, axis=0).tolist())


@dataclass(frozen=True)
class Comparison:
    """A track beside the truth, over the M frames that have a true box; the first is the start.

    Attributes:
        overlaps: M, in [0, 1]; 0 where the tracker gave no finite box.
        distances: M, pixels; infinite there.
    """

    overlaps: Floats
    distances: Floats

    @property
    def scores(self) -> Scores:
        """See the module for what each figure is."""
        precision = float(self.precision_curve[DISTANCES == 20].item())
        return Scores(
            *overlap_figures(self.overlaps[1:]), float(self.success_curve.mean()), precision
        )

    @property
    def success_curve(self) -> Floats:
        """Share of frames above each of `OVERLAPS`."""
        return np.asarray((self.overlaps[:, None] > OVERLAPS).mean(axis=0))

    @property
    def precision_curve(self) -> Floats:
        """Share of frames within each of `DISTANCES`."""
        return np.asarray((self.distances[:, None] <= DISTANCES).mean(axis=0))


def compare(
    predicted: ArrayLike, truth: ArrayLike, bounds: tuple[int, int] | None = None
) -> Comparison:
    """A track and the truth, N x 4 each and both 1-indexed; rows of NaN in the truth are skipped.

    Args:
        bounds: (width, height) to which both are cut before overlaps are taken (GOT-10k).
    """
    boxes, true = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    present = ~np.isnan(true).any(axis=1)
    boxes, true = boxes[present], true[present]
    given = np.isfinite(boxes).all(axis=1)
    distances = np.where(given, _distances(boxes, true), np.inf)
    if bounds is not None:
        boxes, true = _cut(boxes, bounds), _cut(true, bounds)
    return Comparison(np.where(given, iou(boxes, true), 0.0), distances)


def overlap_figures(overlaps: Floats) -> tuple[float, float, float]:
    """AO, SR.5 and SR.75 of overlaps, over whichever frames they come from."""
    return float(overlaps.mean()), float((overlaps > 0.5).mean()), float((overlaps > 0.75).mean())


def _distances(a: Floats, b: Floats) -> Floats:
    centers = [boxes[:, :2] + (boxes[:, 2:] - 1) / 2 for boxes in (a, b)]
    return np.asarray(np.sqrt(((centers[0] - centers[1]) ** 2).sum(axis=1)))


def _cut(boxes: Floats, bounds: tuple[int, int]) -> Floats:
    """Boxes cut to the image as GOT-10k's server does it.

    The corner moves into the image and the size is *then* limited: a box that begins left of the
    image is shifted, not shortened, which is why `geometry.clip_box` is not used.
    """
    corner = np.clip(boxes[:, :2], 0, bounds)
    return np.hstack([corner, np.clip(boxes[:, 2:], 0, bounds - corner)])
