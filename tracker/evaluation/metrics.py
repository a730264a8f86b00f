"""Figures of a track against the truth, as the benchmarks define them.

Overlap is intersection over union (IoU). The distance is between the centres of two boxes, in
pixels. All are equal to `got10k.utils.metrics` and the toolkit's experiments to 1e-9.

- AO is the mean IoU over the frames after the first. SR.5 and SR.75 are the share of these frames
  above that IoU. They are GOT-10k's figures, and used on the other benchmarks as well.
- Success is the mean of the success curve, the share of frames above each of 21 IoU thresholds.
  Precision is the share of frames within 20 pixels. They are OTB's figures, and the first frame,
  which is given, counts.
- Normalised precision is the share of frames whose distance is within 0.2 of the true box's size,
  across and down each in its own measure. It is LaSOT's figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbsf.geometry import iou

Floats = NDArray[np.float64]

OVERLAPS: Floats = np.linspace(0, 1, 21)
"""Thresholds of the success curve: IoU > threshold."""
DISTANCES: Floats = np.arange(51, dtype=np.float64)
"""Thresholds of the precision curve, pixels: distance <= threshold."""
NORMALISED: Floats = np.arange(51) / 100
"""Thresholds of the normalised precision curve, in sizes of the true box."""


@dataclass(frozen=True)
class Scores:
    """The figures of one run, or their mean over several; all in [0, 1]."""

    ao: float
    sr50: float
    sr75: float
    success_auc: float
    precision_20px: float
    norm_precision: float

    @classmethod
    def mean(cls, scores: Iterable[Scores]) -> Scores:
        """The mean, in which each weighs the same. The mean of none is NaN."""
        rows = [tuple(vars(score).values()) for score in scores]
        return cls(*np.mean(rows, axis=0).tolist()) if rows else cls.unknown()

    @classmethod
    def unknown(cls) -> Scores:
        """The figures of a track for which there is no truth."""
        return cls(*[math.nan] * len(fields(cls)))


@dataclass(frozen=True)
class Comparison:
    """A track beside the truth, over the M frames that have a true box; the first is the start.

    Attributes:
        overlaps: M, in [0, 1]; 0 where the tracker gave no finite box.
        distances: M, pixels; infinite there.
        normalised: M, the distances in sizes of the true box; infinite there.
    """

    overlaps: Floats
    distances: Floats
    normalised: Floats

    @property
    def scores(self) -> Scores:
        """See the module for what each figure is."""
        if len(self.overlaps) < 2:
            return Scores.unknown()
        return Scores(
            *overlap_figures(self.overlaps[1:]),
            success_auc=float(self.success_curve.mean()),
            precision_20px=float((self.distances <= 20).mean()),
            norm_precision=float((self.normalised <= 0.2).mean()),
        )

    @property
    def success_curve(self) -> Floats:
        """Share of frames above each of `OVERLAPS`."""
        return np.asarray((self.overlaps[:, None] > OVERLAPS).mean(axis=0))

    @property
    def precision_curve(self) -> Floats:
        """Share of frames within each of `DISTANCES`."""
        return np.asarray((self.distances[:, None] <= DISTANCES).mean(axis=0))

    @property
    def norm_precision_curve(self) -> Floats:
        """Share of frames within each of `NORMALISED`."""
        return np.asarray((self.normalised[:, None] <= NORMALISED).mean(axis=0))


def compare(
    predicted: ArrayLike, truth: ArrayLike, bounds: tuple[int, int] | None = None
) -> Comparison:
    """A track and the truth, N x 4 each and both 1-indexed; rows of NaN in the truth are skipped.

    Args:
        bounds: (width, height) to which both are cut before overlaps are taken (GOT-10k).
    """
    boxes, true = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    present = np.asarray(~np.isnan(true).any(axis=1))
    boxes, true = boxes[present], true[present]
    given = np.isfinite(boxes).all(axis=1)
    offsets = np.where(given[:, None], _centers(boxes) - _centers(true), np.inf)
    distances, normalised = _length(offsets), _length(offsets / true[:, 2:])
    if bounds is not None:
        boxes, true = _cut(boxes, bounds), _cut(true, bounds)
    return Comparison(np.where(given, iou(boxes, true), 0.0), distances, normalised)


def overlap_figures(overlaps: Floats) -> tuple[float, float, float]:
    """AO, SR.5 and SR.75 of overlaps, over whichever frames they come from."""
    if not len(overlaps):
        return math.nan, math.nan, math.nan
    return float(overlaps.mean()), float((overlaps > 0.5).mean()), float((overlaps > 0.75).mean())


def _centers(boxes: Floats) -> Floats:
    return np.asarray(boxes[:, :2] + (boxes[:, 2:] - 1) / 2)


def _length(offsets: Floats) -> Floats:
    return np.asarray(np.sqrt((offsets**2).sum(axis=1)))


def _cut(boxes: Floats, bounds: tuple[int, int]) -> Floats:
    """Boxes cut to the image as GOT-10k's server does it.

    The corner moves into the image, and the size is limited *then*. A box that begins left of the
    image is shifted, not shortened. This is why `geometry.clip_box` is not used.
    """
    corner = np.clip(boxes[:, :2], 0, bounds)
    return np.hstack([corner, np.clip(boxes[:, 2:], 0, bounds - corner)])
