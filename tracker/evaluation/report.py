"""report.md and the plots of an evaluation; each says which data, protocol, weights and command."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rbsf.files.atomic import replacing, write_text

from .metrics import DISTANCES, OVERLAPS, Floats
from .result_file import Outcome
from .results import Results
from .table import HEADINGS, notes, rows, title

Rows = list[list[str]]


class Plot(NamedTuple):
    """A curve over thresholds, and the figure that sums it up."""

    file: str
    x_label: str
    y_label: str
    legend: str
    thresholds: Floats
    curve: Callable[[Results], Floats]
    score: Callable[[Results], float]


PLOTS = (
    Plot(
        file="success.png",
        x_label="overlap threshold (IoU)",
        y_label="share of frames above it",
        legend="success",
        thresholds=OVERLAPS,
        curve=lambda results: results.success_curve,
        score=lambda results: results.overall.success_auc,
    ),
    Plot(
        file="precision.png",
        x_label="threshold on the distance of centres (px)",
        y_label="share of frames within it",
        legend="precision at 20 px",
        thresholds=DISTANCES,
        curve=lambda results: results.precision_curve,
        score=lambda results: results.overall.precision_20px,
    ),
)


def write_report(output: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes report.md and, where there are figures, success.png and precision.png."""
    write_text(output / "report.md", markdown(outcomes))
    measured = [outcome for outcome in outcomes if outcome.results.scores]
    if measured and measured[0].results.dataset.scored:
        for plot in PLOTS:
            _plot(output / plot.file, measured, plot)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The overall figures, then each sequence's, with where they come from."""
    parts = [
        f"# {title(outcomes)}",
        _markdown_table([list(HEADINGS), *rows(outcomes)]),
        "\n".join(notes(outcomes)),
        "## AO of each sequence",
        _markdown_table(_sequence_rows(outcomes)),
    ]
    left_out = {
        f"- {outcome.contender.name}: {line}"
        for outcome in outcomes
        for line in outcome.results.dataset.left_out
    }
    if left_out:
        parts += ["## Left out", "\n".join(sorted(left_out))]
    return "\n\n".join(parts) + "\n"


def _sequence_rows(outcomes: Sequence[Outcome]) -> Rows:
    frames = {
        s.name: str(len(s.frames))
        for outcome in outcomes
        for s in outcome.results.dataset.sequences
    }
    found = [["sequence", "frames", *(outcome.contender.name for outcome in outcomes)]]
    for name, count in frames.items():
        scores = [outcome.results.scores.get(name) for outcome in outcomes]
        found.append([name, count, *(f"{score.ao:.3f}" if score else "-" for score in scores)])
    return found


def _markdown_table(cells: Rows) -> str:
    ruler = ["---"] + ["---:"] * (len(cells[0]) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [cells[0], ruler, *cells[1:]])


def _plot(path: Path, outcomes: Sequence[Outcome], what: Plot) -> None:
    """One curve for each tracker, the best named first."""
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot(xlabel=what.x_label, ylabel=what.y_label, ylim=(0, 1))
    axes.set_title(textwrap.fill(title(outcomes), 72), fontsize=9)
    axes.set_xlim(what.thresholds[0], what.thresholds[-1])
    axes.grid(alpha=0.3)
    for index, run in sorted(enumerate(outcomes), key=lambda item: -what.score(item[1].results)):
        label = f"{run.contender.name} [{what.score(run.results):.3f}]"
        axes.plot(what.thresholds, what.curve(run.results), label=label, color=f"C{index}")
    axes.legend(title=what.legend, loc="best")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
