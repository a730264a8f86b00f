"""The table of the ladder: mean and spread over seeds, in markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rbsf.files.atomic import make_folder, write_text

from ..evaluation.report.latex import latex_table
from ..evaluation.report.table import markdown_table, mean_and_spread

if TYPE_CHECKING:
    from .cells import Measured
    from .rungs import Rung

FIGURES = {
    "AO": "ao",
    "SR.5": "sr50",
    "success": "success_auc",
    "prec. 20px": "precision_20px",
}
"""The figures of the table by their headings."""


def mean_ao(measured: Sequence[Measured], rung: str) -> float:
    """The AO of a rung: the mean over its seeds of the mean over all sequences."""
    return float(np.mean([cell.mean.ao for cell in measured if cell.rung.name == rung]))


def write_ladder(
    rungs: Sequence[Rung], measured: Sequence[Measured], notes: Sequence[str], output: Path
) -> str:
    """Writes ladder.md and ladder.tex, and gives the first.

    Args:
        rungs: The rungs in their order. Those without a measurement are left out.
        measured: The cells that are finished.
        notes: What the figures follow from, in lines.
        output: The folder.

    Raises:
        InputError: A file cannot be written.
    """
    rows = [_row(rung, cells) for rung in rungs if (cells := _of(rung, measured))]
    return write_rungs(rows, list(FIGURES), notes, output)


def write_rungs(
    rows: Sequence[Sequence[str]], figures: Sequence[str], notes: Sequence[str], output: Path
) -> str:
    """Writes the table of any ladder as ladder.md and ladder.tex, and gives the first.

    Args:
        rows: For each rung its name, what it is, the number of its seeds, and its figures.
        figures: The headings of the figures.
        notes: What the figures follow from, in lines.
        output: The folder.

    Raises:
        InputError: A file cannot be written.
    """
    headings = ["rung", "what it is", "seeds", *figures]
    text = "\n".join([markdown_table([headings, *rows]), "", *notes]) + "\n"
    make_folder(output)
    write_text(output / "ladder.md", text)
    latex = latex_table(headings[:2], {"mean over seeds": headings[2:]}, [rows])
    write_text(output / "ladder.tex", latex + "\n")
    return text


def _of(rung: Rung, measured: Sequence[Measured]) -> list[Measured]:
    return [cell for cell in measured if cell.rung.name == rung.name]


def _row(rung: Rung, cells: Sequence[Measured]) -> list[str]:
    figures = [[getattr(cell.mean, figure) for cell in cells] for figure in FIGURES.values()]
    return [rung.name, rung.what, str(len(cells)), *map(mean_and_spread, figures)]
