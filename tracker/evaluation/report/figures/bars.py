"""AO of each sequence and attribute: a bar for the tracker in focus, marks for its rivals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..bootstrap import mean_interval
from ..colors import INK, PAPER, style_of
from ..folders import Entry
from ..study import Study
from .canvas import Drawing, Picture, drawing, legend_below, legend_height


class Row(NamedTuple):
    """One bar.

    Attributes:
        values: The AO of each tracker, the one in focus first.
        low: The lower end of the line through the bar; NaN where there is no line.
    """

    label: str
    values: tuple[float, ...]
    low: float
    high: float


def sequence_rows(study: Study) -> list[Row]:
    """A row for each sequence, the one on which the tracker in focus does worst first.

    Under SRE and TRE the line spans the starts.
    """
    columns = [study.values(entry, "ao") for entry in study.entries]
    rows = [
        Row(name, values, *_span_of_starts(study.focus, name))
        for name, *values_ in zip(study.names, *columns, strict=True)
        if (values := tuple(values_))
    ]
    return sorted(rows, key=lambda row: row.values[0])


def attribute_rows(study: Study) -> list[Row]:
    """A row for each attribute that a sequence has, worst first; the line is the interval."""
    members: dict[str, list[int]] = {}
    for index, name in enumerate(study.names):
        for attribute in study.focus.results.sequences[name].attributes:
            members.setdefault(attribute, []).append(index)
    columns = [np.array(study.values(entry, "ao")) for entry in study.entries]
    rows = []
    for attribute, indices in members.items():
        interval = mean_interval(columns[0][indices])
        values = tuple(float(column[indices].mean()) for column in columns)
        label = f"{spelled_out(attribute)} ({len(indices)})"
        rows.append(Row(label, values, interval.low, interval.high))
    return sorted(rows, key=lambda row: row.values[0])


def plot_bars(study: Study, rows: list[Row], folder: Path, name: str, title: str) -> Picture:
    """Horizontal bars, so that long names can be read."""
    others = list(enumerate(study.entries))[1:]
    height = 0.55 + 0.2 * len(rows) + legend_height(len(study.entries))
    with drawing(height) as canvas:
        _plot_focus(canvas, study, rows)
        for index, entry in others:
            style = style_of(index)
            canvas.axes.plot(
                [row.values[index] for row in rows],
                range(len(rows)),
                style.marker,
                color=style.shade.light,
                markersize=5.5,
                markeredgecolor=PAPER.light,  # seen on a bar of a similar colour
                markeredgewidth=0.5,
                label=entry.name,
            )
        canvas.axes.set(xlim=(0, 1), ylim=(len(rows) - 0.4, -0.6), xlabel="AO")
        canvas.axes.set_yticks(range(len(rows)), [row.label for row in rows])
        canvas.axes.tick_params(axis="y", length=0)
        canvas.axes.grid(axis="x")
        legend_below(canvas, len(study.entries))
        worst = ", ".join(f"{row.label} {row.values[0]:.3f}" for row in rows[:3])
        text = f"Bars of AO for {len(rows)} rows. {study.focus.name} does worst on {worst}."
        return canvas.write(folder, name, title, text)


def _plot_focus(canvas: Drawing, study: Study, rows: list[Row]) -> None:
    color = style_of(0).shade.light
    values = [row.values[0] for row in rows]
    canvas.axes.barh(
        range(len(rows)), values, height=0.62, color=color, alpha=0.75, label=study.focus.name
    )
    for place, row in enumerate(rows):
        if math.isfinite(row.low):
            canvas.axes.plot([row.low, row.high], [place, place], color=INK.light, linewidth=1)


def _span_of_starts(entry: Entry, name: str) -> tuple[float, float]:
    starts = entry.results.sequences[name].starts.values()
    found = [figures.ao for figures in starts]
    return (min(found), max(found)) if found else (math.nan, math.nan)


def spelled_out(attribute: str) -> str:
    """An attribute's name in words, where it is one of the benchmarks' abbreviations."""
    return ATTRIBUTES.get(attribute, attribute)


ATTRIBUTES = {
    "ARC": "aspect ratio change",
    "BC": "background clutter",
    "CM": "camera motion",
    "DEF": "deformation",
    "FM": "fast motion",
    "FOC": "full occlusion",
    "IPR": "in-plane rotation",
    "IV": "illumination variation",
    "LR": "low resolution",
    "MB": "motion blur",
    "OCC": "occlusion",
    "OPR": "out-of-plane rotation",
    "OV": "out of view",
    "POC": "partial occlusion",
    "SOB": "similar object",
    "SV": "scale variation",
    "VC": "viewpoint change",
}
"""The attributes of OTB and UAV123."""
