"""The reliability diagram: how often a tracker is right, by how sure it says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...lost import LostFigures
from ..colors import MUTED, style_of
from .canvas import Picture, drawing, legend_below, legend_height

Known = tuple[int, str, LostFigures]
"""A tracker's place in the study, its name and its figures."""

LARGEST = 90.0
"""The area of the dot of a bin that has all frames, in points squared."""
SMALLEST = 6.0
"""The area of the dot of an almost empty bin."""


def plot_reliability(trackers: Sequence[Known], folder: Path) -> Picture | None:
    """One line for each tracker that gives scores, over ten bins; None where there is none."""
    scored = [known for known in trackers if known[2].reliability]
    if not scored:
        return None
    with drawing(2.9 + legend_height(len(scored))) as canvas:
        axes = canvas.axes
        axes.plot((0, 1), (0, 1), color=MUTED.light, linewidth=0.8, zorder=1)
        for index, name, lost in scored:
            style, bins = style_of(index), lost.reliability
            frames = sum(each.frames for each in bins)
            at, held = [each.score for each in bins], [each.held for each in bins]
            label = name if lost.auc is None else f"{name} [AUC {lost.auc:.3f}]"
            axes.plot(at, held, label=label, color=style.shade.light, linestyle=style.line)
            areas = [SMALLEST + LARGEST * each.frames / frames for each in bins]
            axes.scatter(at, held, s=areas, color=style.shade.light, zorder=3, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share of frames that are held")
        axes.grid()
        legend_below(canvas, len(scored))
        return canvas.write(
            folder, "reliability", "How far the score can be believed", _text(scored)
        )


def _text(scored: Sequence[Known]) -> str:
    lines = [
        f"{name}: " + ", ".join(f"{each.held:.2f} at {each.score:.2f}" for each in lost.reliability)
        for _, name, lost in scored
    ]
    return f"Line plot of the share of frames that are held, by the score. {'; '.join(lines)}."
