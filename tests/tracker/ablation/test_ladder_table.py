"""The table of the ladder, from figures that are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tracker.ablation.cells import Measured
from tracker.ablation.rungs import first_rungs
from tracker.ablation.table import mean_ao, write_ladder
from tracker.evaluation.metrics import Scores
from tracker.evaluation.report.table import mean_and_spread

BI, R, *_ = first_rungs()


def measured(rung, seed: int, *overlaps: float) -> Measured:
    sequences = {f"0-otb/{n}": Scores(ao, 0.5, 0, ao, 0.25, 0) for n, ao in enumerate(overlaps)}
    return Measured(rung, seed, sequences)


def test_the_spread_is_the_deviation_between_seeds():
    assert mean_and_spread([0.5, 0.6]) == f"0.550 ±{0.1 / math.sqrt(2):.3f}"
    assert mean_and_spread([0.5]) == "0.500"


def test_rows_stand_in_the_rungs_order_and_wait_for_their_cells(tmp_path: Path):
    cells = [measured(R, 0, 0.4, 0.6), measured(BI, 0, 0.1, 0.5), measured(R, 1, 0.6, 0.6)]
    assert mean_ao(cells, "R") == pytest.approx(0.55)
    text = write_ladder(first_rungs(), cells, ["The notes."], tmp_path)
    assert (tmp_path / "ladder.md").read_text() == text
    head, _, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "AO" in head and "success" in head
    assert [row.split(" | ")[0] for row in rows] == ["| Bi", "| R"]
    assert "| 2 | 0.550 ±0.071 | 0.500 ±0.000 | 0.550 ±0.071 | 0.250 ±0.000 |" in rows[1]
    assert text.endswith("The notes.\n")
    latex = (tmp_path / "ladder.tex").read_text()
    assert latex.startswith(r"\begin{tabular}{llccccc}")
    assert r"0.550 {\scriptsize ±0.071}" in latex
