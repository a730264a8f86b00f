"""The success plot and the precision plot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...metrics import DISTANCES, OVERLAPS, Comparison, Floats
from ..bootstrap import mean_interval
from ..colors import MUTED, style_of
from ..folders import Entry
from ..study import Study
from .canvas import Picture, drawing, legend_below, legend_height


class Curve(NamedTuple):
    """A share of frames over thresholds, and the figure that sums it up."""

    name: str
    title: str
    x_label: str
    y_label: str
    thresholds: Floats
    of: Callable[[Comparison], Floats]
    figure: str


SUCCESS = Curve(
    name="success",
    title="Success: how much the boxes overlap",
    x_label="overlap threshold (IoU)",
    y_label="share of frames above it",
    thresholds=OVERLAPS,
    of=lambda comparison: comparison.success_curve,
    figure="success_auc",
)
PRECISION = Curve(
    name="precision",
    title="Precision: how near the centres are",
    x_label="threshold on the distance of centres (pixels)",
    y_label="share of frames within it",
    thresholds=DISTANCES,
    of=lambda comparison: comparison.precision_curve,
    figure="precision_20px",
)


def plot_curves(study: Study, curve: Curve, folder: Path) -> Picture:
    """One line for each tracker, the best named first; the mean over sequences."""
    ranked = sorted(
        enumerate(study.entries), key=lambda entry: -np.mean(study.values(entry[1], curve.figure))
    )
    with drawing(2.7 + legend_height(len(ranked))) as canvas:
        for index, entry in ranked:
            style, score = style_of(index), mean_interval(study.values(entry, curve.figure)).mean
            canvas.axes.plot(
                curve.thresholds,
                mean_curve(study, entry, curve),
                label=f"{entry.name} [{score:.3f}]",
                color=style.shade.light,
                linestyle=style.line,
                linewidth=2.4 if entry is study.focus else 1.5,
                zorder=3 if entry is study.focus else 2,
            )
        canvas.axes.set(xlabel=curve.x_label, ylabel=curve.y_label, ylim=(0, 1))
        canvas.axes.set_xlim(curve.thresholds[0], curve.thresholds[-1])
        canvas.axes.grid()
        if curve is PRECISION:
            canvas.axes.axvline(20, color=MUTED.light, linewidth=0.8, zorder=1)
        legend_below(canvas, len(ranked))
        return canvas.write(folder, curve.name, curve.title, _text(study, curve, ranked))


def mean_curve(study: Study, entry: Entry, curve: Curve) -> Floats:
    """A tracker's curve: the mean over the starts of a sequence, then over the sequences."""
    by_sequence = [
        np.mean([curve.of(each.comparison) for each in study.passes(entry, name)], axis=0)
        for name in study.names
    ]
    return np.asarray(np.mean(by_sequence, axis=0))


def _text(study: Study, curve: Curve, ranked: list[tuple[int, Entry]]) -> str:
    scores = [f"{o.name} {np.mean(study.values(o, curve.figure)):.3f}" for _, o in ranked]
    return f"Line plot of the {curve.y_label}, by {curve.x_label}. Scores: {', '.join(scores)}."
