"""Accuracy against speed, with the tracker in focus marked."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ..bootstrap import Interval, mean_interval
from ..colors import INK, MUTED, PAPER, Style, style_of
from ..study import Study
from .canvas import Drawing, Picture, drawing

GAP = 0.07
"""The least distance of two labels, in shares of the axes' height."""


class Point(NamedTuple):
    """A tracker that was timed alone."""

    name: str
    style: Style
    fps: float
    ao: Interval
    focused: bool


def plot_speed(study: Study, folder: Path) -> Picture | None:
    """A point for each tracker that was timed alone; None where there is none.

    The vertical line through a point is the interval of its AO.
    """
    points = [
        Point(
            entry.name,
            style_of(index),
            entry.results.overall.fps,
            mean_interval(study.values(entry, "ao")),
            entry is study.focus,
        )
        for index, entry in enumerate(study.entries)
        if entry.results.overall.fps
    ]
    if not points:
        return None
    with drawing(3.0) as canvas:
        _scale(canvas, points)
        for point, height in zip(points, _label_heights(canvas, points), strict=True):
            _plot_point(canvas, point)
            _label(canvas, point, height)
        text = "; ".join(f"{p.name} AO {p.ao.mean:.3f} at {p.fps:.1f} fps" for p in points)
        return canvas.write(
            folder, "speed", "AO by frames a second", f"Scatter plot of AO by speed: {text}."
        )


def _scale(canvas: Drawing, points: list[Point]) -> None:
    from matplotlib.ticker import NullLocator  # slow to import

    axes = canvas.axes
    speeds = [point.fps for point in points]
    bounds = [b for p in points for b in (p.ao.low, p.ao.mean, p.ao.high) if math.isfinite(b)]
    axes.set(xscale="log", xlim=(min(speeds) / 1.6, max(speeds) * 1.6))
    axes.set_ylim(max(0, min(bounds) - 0.05), min(1, max(bounds) + 0.05))
    axes.set(xlabel="frames a second (logarithmic; faster is to the right)", ylabel="AO")
    axes.grid()
    axes.set_xticks(_round_speeds(*axes.get_xlim()))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def _round_speeds(low: float, high: float) -> list[float]:
    """The speeds 1, 2, 5, 10, 20 and so on between these."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    speeds = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return [speed for speed in speeds if low <= speed <= high]


def _plot_point(canvas: Drawing, point: Point) -> None:
    color = point.style.shade.light
    if math.isfinite(point.ao.low):
        canvas.axes.plot([point.fps] * 2, [point.ao.low, point.ao.high], color=color, linewidth=1.2)
    size = 8 if point.focused else 6.5
    canvas.axes.plot(point.fps, point.ao.mean, point.style.marker, color=color, markersize=size)
    if point.focused:
        ring: dict[str, Any] = {"markersize": 15, "fillstyle": "none", "color": INK.light}
        canvas.axes.plot(point.fps, point.ao.mean, "o", **ring)


def _label(canvas: Drawing, point: Point, height: float) -> None:
    """The name beside the point, on the side where there is more room.

    It lies on a piece of paper, because the line of another tracker may pass there.
    """
    left, right = canvas.axes.get_xlim()
    rightmost = point.fps > math.sqrt(left * right)
    offset = (right / left) ** 0.05
    canvas.axes.annotate(
        point.name,
        (point.fps, point.ao.mean),
        xytext=(point.fps / offset if rightmost else point.fps * offset, height),
        ha="right" if rightmost else "left",
        va="center",
        fontweight="bold" if point.focused else "normal",
        bbox={"facecolor": PAPER.light, "linewidth": 0, "pad": 1},
        arrowprops={"arrowstyle": "-", "color": MUTED.light, "linewidth": 0.5, "shrinkB": 4},
    )


def _label_heights(canvas: Drawing, points: list[Point]) -> list[float]:
    """Heights for the labels near their points, none nearer to another than GAP."""
    low, high = canvas.axes.get_ylim()
    heights = [point.ao.mean for point in points]
    order = sorted(range(len(points)), key=heights.__getitem__)
    for below, above in pairwise(order):
        heights[above] = max(heights[above], heights[below] + GAP * (high - low))
    return heights
