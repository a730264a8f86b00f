"""Where the overlap goes: AO, and the parts that are missing from a perfect overlap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..colors import AWAY, CENTER, INK, SIZE, style_of
from ..errors import ErrorSources
from .canvas import Picture, drawing, legend_below, legend_height

PARTS = (
    ("lost_center", "missing: beside the target", CENTER, "///"),
    ("lost_size", "missing: another size", SIZE, "..."),
    ("lost_away", "missing: off the target", AWAY, ""),
)


def plot_sources(trackers: Sequence[tuple[str, ErrorSources]], folder: Path) -> Picture:
    """One bar of length 1 for each tracker: its AO, then what is missing, by its cause."""
    with drawing(0.55 + 0.34 * len(trackers) + legend_height(4)) as canvas:
        axes = canvas.axes
        rows = range(len(trackers))
        reached = [sources.ao for _, sources in trackers]
        axes.barh(rows, reached, height=0.66, color=style_of(2).shade.light, label="AO")
        for row, ao in enumerate(reached):
            axes.text(ao - 0.01, row, f"{ao:.2f}", ha="right", va="center", color="#000000")
        for name, label, shade, hatch in PARTS:
            ink = INK.light if shade is AWAY else "#000000"  # only this shade is dark on dark pages
            widths = [float(getattr(sources, name)) for _, sources in trackers]
            axes.barh(
                rows, widths, left=reached, height=0.66, color=shade.light, label=label,
                hatch=hatch, edgecolor="#ffffff", linewidth=0,
            )  # fmt: skip
            for row, (left, width) in enumerate(zip(reached, widths, strict=True)):
                if width >= 0.06:
                    axes.text(
                        left + width / 2, row, f"{width:.2f}", ha="center", va="center",
                        color=ink, bbox={"facecolor": shade.light, "linewidth": 0, "pad": 1},
                    )  # fmt: skip
            reached = [left + width for left, width in zip(reached, widths, strict=True)]
        axes.set(xlim=(0, 1), ylim=(len(trackers) - 0.4, -0.6), xlabel="share of a perfect overlap")
        axes.set_yticks(rows, [name for name, _ in trackers], color=INK.light)
        axes.tick_params(axis="y", length=0)
        legend_below(canvas, 4)
        parts = "; ".join(
            f"{name} AO {s.ao:.2f}, missing beside the target {s.lost_center:.2f}, by size "
            f"{s.lost_size:.2f}, off the target {s.lost_away:.2f}"
            for name, s in trackers
        )
        return canvas.write(folder, "sources", "Where the overlap goes", f"Stacked bars: {parts}.")
