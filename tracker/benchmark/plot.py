"""Draws the benchmark's rows as a bar chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbsf.files.figure import save_figure

from .timing import OURS

TITLES = {
    "network": "Network: three crops of 255x255",
    "tracker": "Whole tracker: one frame of {}x{}",
}
OUR_COLOR, OUR_VARIANT, THEIR_COLOR = "#c8451b", "#e9a98f", "#8a96a3"


PLOT_SUFFIXES = (".pdf", ".png", ".svg")


def plot_rows(figures: dict[str, Any], file: Path) -> None:
    """Draws a chart with one panel for the network and one for the tracker, if they were measured.

    The kernel paths that are not in use are left out; the table has them.

    Args:
        figures: The figures as `rbsf benchmark --json` writes them.
        file: The file to write. Its suffix is one of PLOT_SUFFIXES.

    Raises:
        InputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {what: rows for what in TITLES if (rows := _shown(figures["rows"], what))}
    counts = [len(rows) for rows in panels.values()]
    height = 0.7 + 0.36 * sum(counts) + 0.7 * len(panels)
    figure = Figure(figsize=(9, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), squeeze=False, height_ratios=counts)[:, 0]
    for (what, rows), axis in zip(panels.items(), axes, strict=True):
        _bars(axis, rows)
        axis.set_title(TITLES[what].format(*figures["frame"]), loc="left", fontweight="bold")
    axes[-1].set_xlabel("milliseconds, median; the line spans minimum to maximum")
    threads = f"{figures['threads']} thread{'s' if figures['threads'] > 1 else ''}"
    figure.suptitle(f"{figures['machine']['cpu']}, {threads}", color="#444", x=0.99, ha="right")
    save_figure(figure, file, dpi=150)


def _shown(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """Returns the rows of a panel, with the fastest first."""
    kept = [row for row in rows if row["what"] == what]
    if what == "network":
        kept = [row for row in kept if not row["name"].startswith(f"{OURS}-")]
    return sorted(kept, key=lambda row: row["ms_median"])


def _bars(axis: Any, rows: list[dict[str, Any]]) -> None:
    """Draws bars. Each is labelled with its milliseconds and their ratio to ours."""
    longest = max(row["ms_max"] for row in rows)
    for place, row in enumerate(rows):
        median, low, high = (row[f"ms_{name}"] for name in ("median", "min", "max"))
        axis.barh(place, median, color=_color(row["name"]), height=0.72)
        axis.plot([low, high], [place, place], color="#222", linewidth=1)
        ratio = row["ratio_to_packed"]
        times = "" if ratio is None or row["name"] == OURS else f"    {ratio:.2f}x"
        label = axis.text(high + longest * 0.015, place, f"{median:.1f} ms{times}", va="center")
        label.set_fontweight(_weight(row["name"]))
    axis.set_xlim(0, longest * 1.27)
    axis.set_yticks(range(len(rows)), [row["name"] for row in rows])
    for label, row in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight(_weight(row["name"]))
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _weight(name: str) -> str:
    return "bold" if name == OURS else "normal"


def _color(name: str) -> str:
    if name == OURS:
        return OUR_COLOR
    return OUR_VARIANT if name.startswith(f"{OURS}-") else THEIR_COLOR
