"""The table of an evaluation on standard output, with all that its figures follow from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rbsf.embedder import engine_in_words

from .protocols import TITLES
from .result_file import Outcome

HEADINGS = ("tracker", "AO", "SR.5", "SR.75", "success", "prec.", "norm.", "fps", "n of m")
"""What `notes` does not explain, `metrics` does."""

WIDE = 200
"""Columns of the page: a narrow terminal breaks lines, but no figure is cut short."""


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Prints the overall figures of several trackers on one data set."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows(outcomes):
        table.add_row(*map(escape, row))
    out = Console(highlight=False, soft_wrap=True, width=WIDE)
    out.print(title(outcomes), style="bold", markup=False)
    out.print(table)
    out.print("\n".join(notes(outcomes)), markup=False)


def title(outcomes: Sequence[Outcome]) -> str:
    """The data and the protocol in a line."""
    return f"{outcomes[0].title}: {TITLES[outcomes[0].results.dataset.protocol]}"


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A row for each tracker. Another follows for the spread between starts, and on GOT-10k for the
    averages of its server."""
    found = []
    for outcome in outcomes:
        results = outcome.results
        found.append(
            [outcome.contender.name, *_shown(vars(results.overall).values()), *_tail(outcome)]
        )
        if results.dataset.protocol != "ope":
            spread = [value.std for value in results.spread.values()]
            found.append([f"± over {_starts(outcome)} starts", *_shown(spread), "", ""])
        if results.dataset.frame_weighted and results.dataset.scored:
            figures = _shown(results.frame_weighted.values())
            found.append(["- over all frames", *figures, *[""] * (len(HEADINGS) - 4)])
    return found


def notes(outcomes: Sequence[Outcome]) -> list[str]:
    """What the figures are, and which command and engine they come from."""
    dataset = outcomes[0].results.dataset
    lines = [
        "Figures are means over the n sequences that were measured of the m that are listed.",
        "prec. is precision at 20 pixels, norm. is normalised precision at 0.2.",
    ]
    if dataset.protocol != "ope":
        lines.append("A sequence's figures are means over its starts. ± is the standard deviation, "
                     "from start to start, of the mean over sequences.")  # fmt: skip
    if dataset.frame_weighted and dataset.scored:
        lines.append("GOT-10k's server averages over all frames instead.")
    if not dataset.scored:
        lines.append("The true boxes are with the benchmark's server, which alone gives figures.")
    if not all(o.results.fps for o in outcomes if o.results.scores):
        lines.append("No fps: not all ran alone; --workers 1 and a new --output measure it.")
    engines = ", ".join(_identity(outcome) for outcome in outcomes)
    lines.append(f"Engine: {engines}. Threads: {outcomes[0].threads}.")
    lines.append(f"Command: {outcomes[0].command}")
    return lines


def _tail(outcome: Outcome) -> list[str]:
    results = outcome.results
    speed = f"{results.fps:.1f}" if results.fps else "-"
    return [speed, f"{len(results.dataset.sequences)} of {results.dataset.listed}"]


def _shown(figures: Iterable[float]) -> list[str]:
    return ["-" if math.isnan(value) else f"{value:.3f}" for value in figures]


def _starts(outcome: Outcome) -> int:
    return max((len(runs) for runs in outcome.results.trajectories.values()), default=0)


def _identity(outcome: Outcome) -> str:
    """What ran a tracker, and the start of the hash of its weights."""
    contender = outcome.contender
    sha256 = f" with {contender.weights_sha256[:12]}" if contender.weights_sha256 else ""
    return f"{contender.name} {engine_in_words(contender.engine, contender.kernels)}{sha256}"
