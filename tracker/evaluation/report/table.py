"""The table of a report: every tracker's figures with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rbsf.embedder import engine_in_words

from .bootstrap import Interval, mean_interval
from .folders import Entry
from .study import Study


class Cell(NamedTuple):
    """A figure and, where it has one, its interval in smaller type."""

    text: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.interval}".strip()


COLUMNS = (
    ("ao", "AO"),
    ("sr50", "SR.5"),
    ("sr75", "SR.75"),
    ("success_auc", "success"),
    ("precision_20px", "prec. 20px"),
    ("norm_precision", "norm. prec."),
)
"""The figures in [0, 1] and their headings."""

MEANINGS = {
    "AO": "mean overlap (IoU) with the true boxes",
    "SR.5": "share of frames with an overlap above .5",
    "SR.75": "share of frames with an overlap above .75",
    "success": "area under the success curve",
    "prec. 20px": "share of frames with the centre within 20 pixels",
    "norm. prec.": "share of frames with the centre within 0.2 of the target's own size",
    "AO by start": "standard deviation of the mean AO between starts, and its range",
    "fps": "frames a second, decoding apart, measured alone",
}
"""What each heading stands for."""

_WITH_INTERVAL = ("ao", "success_auc", "precision_20px")


def headings(study: Study) -> list[str]:
    """The headings of `rows`; a figure that no tracker has is left out."""
    spread = ["AO by start"] if _has_spread(study) else []
    figures = [heading for _, heading in _columns(study)]
    return ["tracker", *figures, *spread, "fps", "runs on", "weights"]


def rows(study: Study) -> list[list[Cell]]:
    """A row for each tracker, the best first, with another for averages over frames if any."""
    table = []
    for entry in study.ranking:
        table.append(_row(study, entry))
        weighted = entry.results.frame_weighted
        if weighted and set(study.names) == set(entry.results.sequences):
            figures = [Cell(number(weighted.get(key, math.nan))) for key, _ in _columns(study)]
            table.append([Cell("- over all frames"), *figures])
    width = len(table[0])
    return [row + [Cell("")] * (width - len(row)) for row in table]


def sequence_rows(study: Study) -> list[list[str]]:
    """Headings, then the AO of every tracker on each sequence."""
    head = ["sequence", "frames", *(entry.name for entry in study.entries)]
    columns = [study.values(entry, "ao") for entry in study.entries]
    frames = [str(study.focus.results.sequences[name].frames) for name in study.names]
    body = zip(study.names, frames, *(map(number, column) for column in columns), strict=True)
    return [head, *(list(row) for row in body)]


def number(value: float) -> str:
    """A share with three decimals; a dash where there is none."""
    return f"{value:.3f}" if math.isfinite(value) else "-"


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, and the sample standard deviation where there is more than one value.

    Args:
        values: At least one value.
        digits: How many digits follow the point.
    """
    spread = f" ±{np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def percent(shares: Sequence[float]) -> str:
    """The mean and spread of shares, 0 to 1, in percent."""
    return mean_and_spread([100 * share for share in shares], digits=2)


def interval_text(interval: Interval) -> str:
    """The bounds in brackets; empty where they are not known."""
    if not math.isfinite(interval.low):
        return ""
    return f"[{interval.low:.3f}, {interval.high:.3f}]"


def markdown_table(table: Sequence[Sequence[object]]) -> str:
    """A table in markdown; the first row is its head, and all columns but the first are numbers."""
    ruler = ["---"] + ["---:"] * (len(table[0]) - 1)
    lines = [table[0], ruler, *table[1:]]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _columns(study: Study) -> list[tuple[str, str]]:
    return [
        (figure, heading)
        for figure, heading in COLUMNS
        if any(np.isfinite(study.values(entry, figure)).any() for entry in study.entries)
    ]


def _row(study: Study, entry: Entry) -> list[Cell]:
    cells = [Cell(entry.name)]
    for figure, _ in _columns(study):
        interval = mean_interval(study.values(entry, figure))
        bounds = interval_text(interval) if figure in _WITH_INTERVAL else ""
        cells.append(Cell(number(interval.mean), bounds))
    results = entry.results
    if _has_spread(study):
        cells.append(_spread(entry))
    cells.append(Cell(f"{results.overall.fps:.1f}" if results.overall.fps else "-"))
    threads = f"{results.threads} thread{'s' if results.threads != 1 else ''}"
    where = engine_in_words(results.engine, results.kernels)
    cells.append(Cell(f"{where}, {threads}" if results.threads else where))
    return [*cells, Cell((results.weights_sha256 or "-")[:12])]


def _has_spread(study: Study) -> bool:
    return any("ao" in entry.results.overall.spread for entry in study.entries)


def _spread(entry: Entry) -> Cell:
    """How far the mean AO varies between the starts of SRE or TRE."""
    found = entry.results.overall.spread.get("ao")
    if found is None:
        return Cell("-")
    return Cell(f"\u00b1 {found.std:.3f}", f"{found.min:.3f} to {found.max:.3f}")
