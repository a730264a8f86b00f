"""Which tracker is better than the one in focus, sequence by sequence."""

from __future__ import annotations

from dataclasses import dataclass

from .bootstrap import Difference, paired_difference
from .study import Study

FIGURES = {"ao": "AO", "success_auc": "success", "precision_20px": "precision at 20 px"}
"""What trackers are compared on."""


@dataclass(frozen=True)
class Rivalry:
    """How one tracker does against the tracker in focus.

    Attributes:
        differences: By the name of the figure; positive where this tracker is ahead.
    """

    name: str
    differences: dict[str, Difference]

    @property
    def sentence(self) -> str:
        """The verdict on AO in words."""
        found = self.differences["ao"]
        change = f"{found.interval.mean:+.3f} AO"
        if found.verdict == "too few sequences":
            return f"{self.name}: {change}, over too few sequences to say more."
        span = f"{change}, between {found.interval.low:+.3f} and {found.interval.high:+.3f}"
        if found.verdict == "no difference shown":
            return f"{self.name}: no difference is shown ({span})."
        return f"{self.name} is {found.verdict} ({span})."


def rivalries(study: Study) -> list[Rivalry]:
    """Every other tracker against the one in focus, over the same sequences."""
    base = {figure: study.values(study.focus, figure) for figure in FIGURES}
    return [
        Rivalry(
            entry.name,
            {
                figure: paired_difference(study.values(entry, figure), base[figure])
                for figure in FIGURES
            },
        )
        for entry in study.ranking
        if entry is not study.focus
    ]
