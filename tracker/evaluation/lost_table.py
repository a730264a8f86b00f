"""The table of what trackers know of having lost their target, on standard output."""

from __future__ import annotations

from collections.abc import Sequence

from .lost import LostFigures
from .result_file import Outcome
from .table import WIDE

HEADINGS = (
    "tracker",
    "flag prec.",
    "recall",
    "F",
    "found again",
    "frames",
    "LT prec.",
    "recall",
    "F",
    "AUC",
)
"""The columns of `cells`, with the tracker's name in front."""

NOTES = (
    "A frame is held where the target is visible and the IoU is above 0.5. The flag's precision is",
    "the share of frames called lost that are not held, and its recall is the share of frames not",
    "held that are called lost. found again: losses that ended, of all. frames: their median",
    "length, counted while the target is visible. LT: VOT's long-term scores at the best",
    "threshold. AUC: of the score as a sign that a frame is held.",
)


def print_lost(outcomes: Sequence[Outcome]) -> None:
    """Prints a line for each tracker of which this was asked."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for outcome in outcomes:
        if outcome.lost:
            table.add_row(*map(escape, [outcome.contender.name, *cells(outcome.lost)]))
    out = Console(highlight=False, soft_wrap=True, width=WIDE)
    out.print("Knowing when the target is lost", style="bold", markup=False)
    out.print(table)
    out.print("\n".join(NOTES), markup=False)


def cells(lost: LostFigures) -> list[str]:
    """The figures as text; a dash where one is not known."""
    again = lost.found_again
    middle = "-" if not again.losses else "never" if again.median_frames is None else None
    return [
        *map(_share, lost.flag),
        f"{again.found} of {again.losses}",
        middle or f"{again.median_frames:.0f}",
        *map(_share, lost.long_term[:3]),
        _share(lost.auc),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
