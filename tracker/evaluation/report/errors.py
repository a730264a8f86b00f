"""Where a tracker loses overlap: beside the target, in the box's size, or away from the target.

Each frame is scored again with a half of the answer given: the true size around the predicted
centre, and the predicted size around the true centre. How much each would gain shows what to
improve next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from ..metrics import Floats, compare


@dataclass(frozen=True)
class ErrorSources:
    """Figures over the frames after the first that have a true box; all in [0, 1].

    `ao`, `lost_away`, `lost_center` and `lost_size` add up to 1.

    Attributes:
        ao: The mean overlap as it is.
        ao_true_size: The mean overlap if each box had the true size around its own centre.
        ao_true_center: The mean overlap if each box kept its size and had the true centre.
        center_outside: The share of frames in which the predicted centre is outside the true box.
        off_target: The share of frames in which the predicted box does not touch the true one.
        lost_away: The overlap that is missing in frames off target.
        lost_center: The overlap that is missing elsewhere because the box is beside the target.
        lost_size: The overlap that is missing elsewhere because the box has another size.
    """

    ao: float
    ao_true_size: float
    ao_true_center: float
    center_outside: float
    off_target: float
    lost_away: float
    lost_center: float
    lost_size: float

    @classmethod
    def mean(cls, sources: Iterable[ErrorSources]) -> ErrorSources:
        """The mean over sequences, each of which weighs the same."""
        rows = [[getattr(each, field.name) for field in fields(cls)] for each in sources]
        return cls(*np.mean(rows, axis=0).tolist())

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The parts of the missing overlap by name, the largest first."""
        parts = {name: float(getattr(self, name)) for name in CAUSES}
        return sorted(parts.items(), key=lambda part: -part[1])

    def advice(self, tracker: str) -> str:
        """What is missing and what to improve next, in words."""
        (first, most), (second, more), *_ = self.ranked
        *listed, last = (f"{share:.2f} {CAUSES[name]}" for name, share in self.ranked)
        text = f"{tracker} misses {1 - self.ao:.2f} of a perfect overlap: "
        text += f"{', '.join(listed)}, and {last}. "
        text += f"The next improvement is {REMEDIES[first]}."
        if more > 0.8 * most:
            text += f" Nearly as much is to be won by {REMEDIES[second]}."
        return text


EXPLANATIONS = {
    "ao": "The mean overlap of the predicted boxes with the true ones.",
    "ao_true_size": "What the mean overlap would be if every box had the true size where it is.",
    "ao_true_center": "What it would be if every box were moved onto the true centre.",
    "center_outside": "The share of frames in which the predicted centre is outside the true box.",
    "off_target": "The share of frames in which the predicted box does not touch the true box.",
}
"""One line for each figure, as the page shows it."""

CAUSES = {
    "lost_away": "in frames where the box does not touch the target",
    "lost_center": "because the box lies beside the target",
    "lost_size": "because the box has another size",
}
"""Why overlap is missing."""

REMEDIES = {
    "lost_away": "staying on the target and finding it again",
    "lost_center": "locating the centre more finely",
    "lost_size": "a better estimate of the size",
}
"""What would win back the overlap that is missing for each cause."""


def error_sources(
    predicted: ArrayLike, truth: ArrayLike, bounds: tuple[int, int] | None = None
) -> ErrorSources:
    """Scores one track with the true sizes, with the true centres, and as it is.

    On a frame whose boxes touch, the missing overlap 1 - IoU is shared out between the centre and
    the size. Each gets the mean of what it gains when it is mended first and when it is mended
    second, so that the two add up to the whole.

    Args:
        predicted: N x 4, 1-indexed. A frame without a finite box is off target.
        truth: N x 4, 1-indexed. Rows of NaN are skipped, and so is the first row.
        bounds: (width, height) to which boxes are cut before they are scored (GOT-10k).
    """
    true = np.asarray(truth, dtype=np.float64)[1:]
    present = ~np.isnan(true).any(axis=1)
    boxes, true = np.asarray(predicted, dtype=np.float64)[1:][present], true[present]
    overlap = compare(boxes, true, bounds).overlaps
    true_size = compare(_around(boxes, true[:, 2:]), true, bounds).overlaps
    true_center = compare(_around(true, boxes[:, 2:]), true, bounds).overlaps
    touching = overlap > 0
    by_center = ((true_center - overlap) + (1 - true_size)) / 2
    by_size = ((true_size - overlap) + (1 - true_center)) / 2
    return ErrorSources(
        ao=float(overlap.mean()),
        ao_true_size=float(true_size.mean()),
        ao_true_center=float(true_center.mean()),
        center_outside=float(_center_outside(boxes, true).mean()),
        off_target=float((~touching).mean()),
        lost_away=float((~touching).mean()),
        lost_center=float(np.where(touching, by_center, 0.0).mean()),
        lost_size=float(np.where(touching, by_size, 0.0).mean()),
    )


def _around(boxes: Floats, sizes: Floats) -> Floats:
    """Boxes of other sizes around the centres of these."""
    return np.hstack([boxes[:, :2] + (boxes[:, 2:] - sizes) / 2, sizes])


def _center_outside(boxes: Floats, true: Floats) -> Floats:
    """1 where the centre of the box is outside the true box or the box is not finite, else 0."""
    center = boxes[:, :2] + boxes[:, 2:] / 2
    inside = (center >= true[:, :2]) & (center <= true[:, :2] + true[:, 2:])
    return np.asarray(~inside.all(axis=1), dtype=np.float64)
