"""A strip of frames as a figure of its own, for papers and slides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbsf.files.figure import save_figure

from ..colors import style_of
from ..strips import Strip
from ..tiles import TILE_SIZE, Mark, Tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_strip(strip: Strip, names: list[str], folder: Path) -> None:
    """Writes SEQUENCE.png and SEQUENCE.pdf.

    Args:
        names: The trackers' names, in the order of the study.
    """
    from matplotlib import rc_context  # slow to import
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = (len(strip.tiles) + 1) // 2
    with rc_context({"font.size": 8, "pdf.fonttype": 42}):
        figure = Figure(figsize=(1.75 * columns, 3.5), layout="constrained")
        grid = figure.subplots(2, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, tile in zip(grid, strip.tiles, strict=False):
            _draw(axes, tile)
        truth = Line2D([], [], color="#000000", linestyle="--", label="true box")
        lines = [
            Line2D([], [], color=style_of(i).shade.dark, linestyle=style_of(i).line, label=name)
            for i, name in enumerate(names)
        ]
        figure.legend(handles=[truth, *lines], loc="outside lower center", ncols=4, frameon=False)
        figure.suptitle(f"{strip.sequence}: AO {strip.ao:.3f}", fontsize=9)
        for kind in ("png", "pdf"):
            save_figure(figure, folder / f"{strip.sequence}.{kind}", dpi=150)


def _draw(axes: Axes, tile: Tile) -> None:
    width, height = TILE_SIZE
    axes.imshow(tile.image[:, :, ::-1], extent=(0, width, height, 0))
    for mark in tile.marks:
        _outline(axes, mark)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_title(f"frame {tile.number}{', lost' if tile.lost else ''}", fontsize=7, pad=2)


def _outline(axes: Axes, mark: Mark) -> None:
    from matplotlib.patches import Rectangle

    x, y, w, h = mark.box
    if mark.tracker is None:
        looks: list[tuple[str, Any, float]] = [
            ("#000000", "solid", 2.4),
            ("#ffffff", (0, (3, 2)), 1.2),
        ]
    else:
        style = style_of(mark.tracker)
        looks = [(style.shade.dark, style.line, 1.6 if mark.tracker == 0 else 1.1)]
    for color, line, thickness in looks:
        axes.add_patch(
            Rectangle(
                (x, y), w, h, fill=False, edgecolor=color, linestyle=line, linewidth=thickness
            )
        )
