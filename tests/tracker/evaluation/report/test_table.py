"""The table holds each tracker's figures, whatever of them there is."""

import pytest
from benchmark_folders import walk, write_got10k
from result_folders import evaluate_into, made_entry

from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.study import make_study
from tracker.evaluation.report.table import (
    MEANINGS,
    headings,
    markdown_table,
    number,
    rows,
    sequence_rows,
)

AOS = {name: 0.1 * place for place, name in enumerate("ABCDEF", start=1)}


def column(study, heading):
    place = headings(study).index(heading)
    return {row[0].text: row[place] for row in rows(study)}


def test_figures_are_means_with_their_intervals_the_best_first():
    study = make_study([made_entry("rbsf", AOS), made_entry("kcf", dict.fromkeys(AOS, 0.5))])
    assert [row[0].text for row in rows(study)] == ["kcf", "rbsf"]
    found = column(study, "AO")
    assert str(found["kcf"]) == "0.500 [0.500, 0.500]"
    assert found["rbsf"].text == "0.350" and found["rbsf"].interval.startswith("[0.1")
    assert column(study, "fps")["rbsf"].text == "50.0"


def test_a_figure_that_no_tracker_has_is_left_out(study):
    assert "norm. prec." not in headings(make_study([made_entry("rbsf", AOS)]))
    assert "norm. prec." in headings(study)
    assert set(headings(study)) - {"tracker", "runs on", "weights"} <= set(MEANINGS)


def test_every_row_is_as_long_as_the_headings(study):
    assert {len(row) for row in rows(study)} == {len(headings(study))}


def test_one_sequence_has_no_interval():
    study = make_study([made_entry("rbsf", {"A": 0.5})])
    assert column(study, "AO")["rbsf"].interval == ""


def test_a_tracker_that_was_not_timed_has_a_dash():
    entry = made_entry("rbsf", AOS)
    overall = entry.results.overall.model_dump() | {"fps": None}
    study = make_study([made_entry("rbsf", AOS, overall=overall)])
    assert column(study, "fps")["rbsf"].text == "-"


def test_starts_have_a_column_for_their_spread(data, tmp_path):
    evaluate_into(tmp_path, data, ["standing"], protocol="sre", max_frames=6)
    study = make_study(read_entries([tmp_path]))
    spread = study.focus.results.overall.spread["ao"]
    cell = column(study, "AO by start")["standing"]
    assert cell.text == f"± {spread.std:.3f}"
    assert cell.interval == f"{spread.min:.3f} to {spread.max:.3f}"


def test_got10k_has_another_row_for_averages_over_frames(tmp_path):
    write_got10k(tmp_path / "data", "long", walk(30), [8] * 30)
    write_got10k(tmp_path / "data", "short", walk(6, seed=3), [8] * 6)
    evaluate_into(tmp_path / "out", tmp_path / "data", ["standing"], dataset="got10k-val")
    study = make_study(read_entries([tmp_path / "out"]))
    weighted = study.focus.results.frame_weighted["ao"]
    assert column(study, "AO")["- over all frames"].text == f"{weighted:.3f}"
    assert weighted != pytest.approx(study.focus.results.overall.ao)


def test_every_sequence_has_its_row():
    table = sequence_rows(make_study([made_entry("rbsf", AOS), made_entry("kcf", AOS)]))
    assert table[0] == ["sequence", "frames", "rbsf", "kcf"]
    assert table[1] == ["A", "100", "0.100", "0.100"] and len(table) == 7


def test_markdown_lines_have_as_many_bars():
    assert markdown_table([["a", "b"], ["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    assert number(float("nan")) == "-"
