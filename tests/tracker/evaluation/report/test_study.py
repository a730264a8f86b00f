"""Trackers over the same sequences, with the truth beside their boxes."""

import numpy as np
import pytest
from result_folders import evaluate_into, made_entry

from rbsf.errors import InputError
from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.study import make_study

AOS = {"Ant": 0.5, "Bee": 0.6}


@pytest.mark.parametrize("protocol", ["ope", "sre", "tre"])
def test_boxes_beside_the_truth_give_the_figures_that_the_evaluation_wrote(
    data, tmp_path, protocol
):
    evaluate_into(tmp_path, data, ["drifting"], protocol=protocol)
    study = make_study(read_entries([tmp_path]))
    for name in study.names:
        passes = study.passes(study.focus, name)
        record = study.focus.results.sequences[name]
        assert np.mean([each.comparison.scores.ao for each in passes]) == pytest.approx(record.ao)
        for each in passes:
            own = record.starts[each.start] if each.start else record
            assert each.comparison.scores.ao == pytest.approx(own.ao)
            assert each.sources.ao == pytest.approx(own.ao)


def test_a_pass_that_starts_late_knows_its_first_frame(data, tmp_path):
    evaluate_into(tmp_path, data, ["standing"], protocol="tre")
    study = make_study(read_entries([tmp_path]))
    passes = study.passes(study.focus, "Ant")
    assert passes[0].first_frame == 0 and passes[-1].first_frame > 0
    assert all(each.first_frame + len(each.predicted) == 30 for each in passes)


def test_overlaps_are_nan_where_the_target_is_absent(study):
    (only,) = study.passes(study.focus, "Cat")
    assert np.flatnonzero(np.isnan(only.overlaps)).tolist() == [12, 13, 14]


def test_the_report_is_about_this_projects_tracker_unless_another_is_named():
    entries = [made_entry(name, AOS) for name in ("mine", "rbsf", "kcf")]
    assert make_study(entries).focus.name == "rbsf"
    assert [e.name for e in make_study(entries, focus="kcf").entries] == ["kcf", "mine", "rbsf"]
    assert make_study(entries[::2]).focus.name == "mine"
    with pytest.raises(InputError, match="no results of a tracker called csrt; there is mine"):
        make_study(entries, focus="csrt")


def test_only_what_all_trackers_were_scored_on_counts():
    entries = [made_entry("a", {**AOS, "Cat": 0.1}), made_entry("b", AOS)]
    study = make_study(entries)
    assert study.names == ("Ant", "Bee") and study.values(study.focus, "ao") == [0.5, 0.6]
    with pytest.raises(InputError, match="no sequence in common"):
        make_study([made_entry("a", {"Cat": 0.1}), made_entry("b", AOS)])


@pytest.mark.parametrize(
    ("key", "value"),
    [("dataset", "uav123"), ("protocol", "sre"), ("max_frames", 60), ("split", "test")],
)
def test_results_of_different_data_are_not_compared(key, value):
    entries = [made_entry("a", AOS), made_entry("b", AOS, **{key: value})]
    with pytest.raises(InputError, match=f"cannot be compared: {key} is"):
        make_study(entries)


def test_the_ranking_is_by_ao():
    entries = [made_entry("rbsf", AOS), made_entry("best", {"Ant": 0.9, "Bee": 0.9})]
    assert [entry.name for entry in make_study(entries).ranking] == ["best", "rbsf"]


@pytest.mark.parametrize("root", ["nowhere", "a" * 300, "a\0b"])
def test_a_data_set_that_is_gone_leaves_the_figures(study, root):
    entries = [made_entry("a", AOS, root=root)]
    assert make_study(entries).videos == {} and set(study.videos) == {"Ant", "Bee", "Cat"}


def test_another_root_is_taken_as_given(folder, data, tmp_path):
    entries = read_entries([folder])
    assert set(make_study(entries, root=data).videos) == {"Ant", "Bee", "Cat"}
    with pytest.raises(InputError, match="no otb sequence under"):
        make_study(entries, root=tmp_path / "nowhere")


def test_more_boxes_than_frames_are_refused(folder, data, tmp_path):
    evaluate_into(tmp_path, data, ["standing"])
    file = tmp_path / "standing" / "boxes" / "Ant.txt"
    file.write_text(file.read_text() * 2)
    study = make_study(read_entries([tmp_path]))
    with pytest.raises(InputError, match=r"Ant.txt has 60 boxes, but Ant has 30 frames"):
        study.passes(study.focus, "Ant")
