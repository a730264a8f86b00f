"""Tables, plots and results.json; each says which data, split, protocol, weights and command."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rbsf.embedder import engine_in_words
from rbsf.files.atomic import make_folder, replacing, write_text

from ..contenders import Contender
from ..metrics import DISTANCES, OVERLAPS, Floats
from ..results import Results

Rows = list[list[str]]


@dataclass(frozen=True)
class Run:
    """A contender's results, and the command that made them."""

    contender: Contender
    results: Results
    command: str
    max_frames: int | None = None

    @property
    def data(self) -> str:
        """The data in a line: set, split, size, protocol."""
        dataset = self.results.dataset
        size = f"{len(dataset.sequences)} of {dataset.listed} sequences"
        if self.max_frames:
            size += f", first {self.max_frames} frames of each"
        return f"{dataset.name}, {dataset.split} ({size}): {dataset.protocol}"

    def as_json(self) -> dict[str, Any]:
        """results.json."""
        dataset = self.results.dataset
        return {
            "dataset": dataset.name,
            "split": dataset.split,
            "protocol": dataset.protocol,
            "tracker": self.contender.name,
            **self.contender.identity,
            "kernels": self.contender.kernels,
            "max_frames": self.max_frames,
            "missing": list(dataset.missing),
            "command": self.command,
            **self.results.as_json(),
        }


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


def write_report(output: Path, runs: Sequence[Run]) -> None:
    """Writes `<tracker>/results.json`, report.md, success.png and precision.png under `output`."""
    for run in runs:
        text = json.dumps(run.as_json(), indent=2, allow_nan=False)
        folder = output / run.contender.name
        make_folder(folder)
        write_text(folder / "results.json", text + "\n")
    write_text(output / "report.md", markdown(runs))
    for plot in PLOTS:
        _plot(output / plot.file, runs, plot)


def print_table(runs: Sequence[Run]) -> None:
    """Prints the overall figures on standard output."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    headings, *rows = overall_rows(runs)
    for index, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*map(escape, row))
    out = Console(highlight=False, soft_wrap=True)
    out.print(runs[0].data, style="bold", markup=False)
    out.print(shown)
    out.print(_notes(runs), markup=False)


def markdown(runs: Sequence[Run]) -> str:
    """The overall figures, then each sequence's, with where they come from."""
    parts = [
        f"# {runs[0].data}",
        _markdown_table(overall_rows(runs)),
        _notes(runs),
        "## AO of each sequence",
        _markdown_table(_sequence_rows(runs)),
    ]
    missing = runs[0].results.dataset.missing
    if missing:
        parts += ["## Missing", "\n".join(f"- {line}" for line in missing)]
    return "\n\n".join(parts) + "\n"


def overall_rows(runs: Sequence[Run]) -> Rows:
    """Headings, then a row for each tracker; on GOT-10k another for its server's averages."""
    rows = [["tracker", "AO", "SR.5", "SR.75", "success", "prec. 20px", "fps", "weights"]]
    for run in runs:
        speed = f"{run.results.fps:.1f}" if run.results.fps else "-"
        sha = (run.contender.weights_sha256 or "-")[:12]
        rows.append([run.contender.name, *_shown(vars(run.results.overall)), speed, sha])
        if run.results.dataset.frame_weighted:
            rows.append(["- over all frames", *_shown(run.results.frame_weighted), *[""] * 4])
    return rows


def _shown(figures: Mapping[str, float]) -> list[str]:
    return [f"{value:.3f}" for value in figures.values()]


def _sequence_rows(runs: Sequence[Run]) -> Rows:
    rows = [["sequence", "frames", *(run.contender.name for run in runs)]]
    for sequence in runs[0].results.dataset.sequences:
        figures = [f"{run.results.comparisons[sequence.name].scores.ao:.3f}" for run in runs]
        rows.append([sequence.name, str(len(sequence.frames)), *figures])
    return rows


def _notes(runs: Sequence[Run]) -> str:
    notes = ["Figures are means over sequences."]
    if runs[0].results.dataset.frame_weighted:
        notes.append("GOT-10k's server averages over all frames instead.")
    if not all(run.results.fps for run in runs):
        notes.append("No fps: not all ran alone; --workers 1 and a new --output measure it.")
    ran_on = {
        run.contender.name: engine_in_words(run.contender.engine, run.contender.kernels)
        for run in runs
    }
    notes.append(f"Engine: {', '.join(f'{name} {engine}' for name, engine in ran_on.items())}.")
    notes.append(f"Command: {runs[0].command}")
    return "\n".join(notes)


def _markdown_table(rows: Rows) -> str:
    ruler = ["---"] + ["---:"] * (len(rows[0]) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ruler, *rows[1:]])


def _plot(path: Path, runs: Sequence[Run], what: Plot) -> None:
    """One curve for each tracker, the best named first."""
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot(xlabel=what.x_label, ylabel=what.y_label, ylim=(0, 1))
    axes.set_title(textwrap.fill(runs[0].data, 72), fontsize=9)
    axes.set_xlim(what.thresholds[0], what.thresholds[-1])
    axes.grid(alpha=0.3)
    for index, run in sorted(enumerate(runs), key=lambda item: -what.score(item[1].results)):
        label = f"{run.contender.name} [{what.score(run.results):.3f}]"
        axes.plot(what.thresholds, what.curve(run.results), label=label, color=f"C{index}")
    axes.legend(title=what.legend, loc="best")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
