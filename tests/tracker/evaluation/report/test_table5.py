"""The paper's figures beside measured ones."""

import pytest
from benchmark_folders import walk, write_got10k
from result_folders import evaluate_into, made_entry

from tracker.evaluation.report import paper
from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.latex import escape, latex_table
from tracker.evaluation.report.study import make_study
from tracker.evaluation.report.table5 import columns, listed_block, whole_block, write_table5

AOS = {"Girl": 0.4, "Toy": 0.6, "Man": 0.8}


def study(*names, **changes):
    return make_study([made_entry(name, AOS, listed=100, **changes) for name in names])


@pytest.fixture
def blocks():
    otb = study("rbsf", "siamfc", "kcf", dataset="otb100")
    return [
        listed_block(paper.OTB50, otb, "otb2013"),
        whole_block(paper.OTB100, otb, "OTB-100"),
        whole_block(paper.UAV123, study("rbsf", dataset="uav123", max_frames=60), "UAV123"),
    ]


def test_the_papers_gain_over_xnor_is_the_one_its_text_gives():
    """'About 7% AO improvement over XNOR' (section 3.4)."""
    _, xnor, ours = paper.GOT10K.rows[0].values
    assert ours - xnor == pytest.approx(0.07, abs=0.01)


def test_rows_say_how_many_sequences_they_are_of(blocks, tmp_path):
    text = write_table5(blocks, tmp_path)
    assert "OTB50 (here OTB-2013, 1 of 51 sequences)" in text
    assert "OTB100 (here OTB-100, 3 of 100 sequences)" in text
    assert "UAV123 (here UAV123, 3 of 100 sequences, first 60 frames)" in text
    assert (tmp_path / "table5.md").read_text() == text


def test_measured_figures_stand_beside_the_papers(blocks, tmp_path):
    lines = write_table5(blocks, tmp_path).splitlines()
    assert lines[0].count("|") == 9 and "| SiamFC | RB-SF | kcf |" in lines[0]
    cells = [cell.strip() for cell in lines[5].strip("|").split("|")]  # OTB100, SR
    assert cells[1:5] == ["SR", "0.602", "0.394", "0.572"]
    assert cells[5].startswith("0.540 [0.3") and cells[5] == cells[6]
    uav = [cell.strip() for cell in lines[6].strip("|").split("|")]
    assert uav[5] == "-" and uav[6].startswith("0.66")


def test_the_papers_trackers_come_first(blocks):
    assert columns(blocks) == ["siamfc", "rbsf", "kcf"]
    assert columns([whole_block(paper.OTB100, study("b", "rbsf", "a"), "")]) == ["rbsf", "a", "b"]


def test_a_list_without_a_measured_sequence_has_dashes(tmp_path):
    otb = make_study([made_entry("rbsf", {"Toy": 0.4})])
    line = write_table5([listed_block(paper.OTB50, otb, "otb2013")], tmp_path).splitlines()[2]
    assert "0 of 51 sequences" in line and line.endswith("| - |")


def test_got10k_averages_over_frames_as_its_server_does(tmp_path):
    write_got10k(tmp_path / "data", "long", walk(30), [8] * 20 + [0] * 10)
    write_got10k(tmp_path / "data", "short", walk(6, seed=3), [8] * 6)
    evaluate_into(tmp_path / "out", tmp_path / "data", ["drifting"], dataset="got10k-val")
    found = make_study(read_entries([tmp_path / "out"]))
    block = whole_block(paper.GOT10K, found, "val", frame_weighted=True)
    for figure in ("ao", "sr50"):
        weighted = found.focus.results.frame_weighted[figure]
        assert block.interval("drifting", figure).mean == pytest.approx(weighted, abs=1e-9)


def test_latex_has_the_same_figures_in_as_many_columns(blocks, tmp_path):
    markdown = write_table5(blocks, tmp_path)
    latex = (tmp_path / "table5.tex").read_text()
    assert latex.startswith("\\begin{tabular}{llcccccc}\n\\toprule")
    rows = [line for line in latex.splitlines() if line.endswith("\\\\") and "multicol" not in line]
    assert len(rows) == 7 and {line.count(" & ") for line in rows} == {7}
    assert r"0.540 {\scriptsize [0.3" in latex and "0.540 [0.3" in markdown
    assert latex.count("\\midrule") == 3 and "(OTB-2013, 1 of 51 sequences)" in latex


def test_latex_text_is_harmless():
    assert escape(r"a_b & 50% #1 {x} \y") == r"a\_b \& 50\% \#1 \{x\} \textbackslash{}y"
    table = latex_table(["data"], {"paper": ["A_1"]}, [[["x_y", "-"]]])
    assert r"A\_1" in table and r"x\_y & -- \\" in table
