"""What every figure shares: its size and type, and the three files it is written to."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbsf.files.figure import save_figure

from ..colors import FAINT, GRID, INK, MUTED, SHADES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.1
"""Inches. On a phone a figure is as wide as the screen and its type stays readable, and on paper it
fits into a column."""

_SETTINGS: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": FAINT.light,
    "axes.labelcolor": MUTED.light,
    "xtick.color": FAINT.light,
    "ytick.color": FAINT.light,
    "xtick.labelcolor": INK.light,
    "ytick.labelcolor": INK.light,
    "text.color": INK.light,
    "grid.color": GRID.light,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Picture:
    """A finished figure.

    Attributes:
        name: Its name on disk and in the page.
        title: One line above it.
        text: What it shows, for those who cannot see it.
        svg: The figure for the page; its colours are variables of the page's style sheet.
    """

    name: str
    title: str
    text: str
    svg: str


class Drawing:
    """A figure that is being drawn.

    Attributes:
        figure: The matplotlib figure.
        axes: Its only axes.
    """

    def __init__(self, figure: Figure, axes: Axes) -> None:
        self.figure, self.axes = figure, axes

    def write(self, folder: Path, name: str, title: str, text: str) -> Picture:
        """Writes NAME.png and NAME.pdf, and gives the figure for the page."""
        for kind in ("png", "pdf"):
            save_figure(self.figure, folder / f"{name}.{kind}", dpi=200, metadata=_no_date(kind))
        return Picture(name, title, text, self._svg(name))

    def _svg(self, name: str) -> str:
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", transparent=True, metadata=_no_date("svg"))
        return for_page(buffer.getvalue(), name)


@contextmanager
def drawing(height: float, width: float = WIDTH) -> Iterator[Drawing]:
    """A figure in the report's type and colours, in inches; draw and write it inside the block."""
    from matplotlib import rc_context  # slow to import
    from matplotlib.figure import Figure

    with rc_context({**_SETTINGS, "svg.hashsalt": "rbsf"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield Drawing(figure, figure.add_subplot())


def for_page(svg: str, name: str) -> str:
    """A matplotlib SVG made fit to stand in a page beside others.

    The XML header and the fixed size go, so that it fills the width it is given. Ids get the
    figure's name in front, because ids are unique in a page. Colours become variables, so that one
    figure is right on a light and on a dark page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    for shade in SHADES:
        svg = svg.replace(shade.light, f"var(--{shade.name})")
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()


def legend_below(drawing: Drawing, entries: int) -> None:
    """The legend under the axes, where it covers no curve however many trackers there are."""
    columns = 2 if entries > 1 else 1
    drawing.figure.legend(
        *legend_entries(drawing),
        loc="outside lower center",
        ncols=columns,
        handlelength=2.6,
        columnspacing=1.4,
    )


def legend_entries(drawing: Drawing) -> tuple[list[Any], list[str]]:
    """Handles and labels, bars first: matplotlib itself puts them behind lines."""
    handles, labels = drawing.axes.get_legend_handles_labels()
    bars = [hasattr(handle, "patches") for handle in handles]
    order = sorted(range(len(handles)), key=lambda place: not bars[place])
    return [handles[place] for place in order], [labels[place] for place in order]


def legend_height(entries: int) -> float:
    """How many inches the legend below takes."""
    return 0.1 + 0.17 * ((entries + 1) // 2)


def _no_date(kind: str) -> dict[str, None]:
    """The same figure is the same bytes, whenever it is drawn."""
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
