"""Reading what an evaluation wrote."""

import json
import shutil

import numpy as np
import pytest
from result_folders import FRAMES, evaluate_into

from rbsf.errors import InputError
from tracker.evaluation.report.folders import read_boxes, read_entries


def test_every_tracker_of_a_folder_is_read(folder):
    entries = read_entries([folder])
    assert [entry.name for entry in entries] == ["drifting", "leaping", "standing"]
    results = entries[1].results
    assert list(results.sequences) == list(FRAMES)
    assert results.sequences["Ant"].attributes == ("SV", "OCC")
    assert read_boxes(entries[1].box_files("Bee")[""]).shape == (26, 4)


def test_a_trackers_own_folder_is_read_alone(folder):
    assert [entry.name for entry in read_entries([folder / "leaping"])] == ["leaping"]


def test_a_folder_that_is_given_twice_is_read_once(folder):
    entries = read_entries([folder, folder / "leaping", folder / "."])
    assert [entry.name for entry in entries] == ["drifting", "leaping", "standing"]


def test_trackers_of_one_name_are_named_by_their_folders(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "second")
    names = [e.name for e in read_entries([folder / "leaping", tmp_path / "second" / "leaping"])]
    assert names == ["first/leaping", "second/leaping"]


def test_folders_of_one_name_are_named_by_their_paths(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "first")
    paths = [folder / "leaping", tmp_path / "first" / "leaping"]
    assert [entry.name for entry in read_entries(paths)] == [str(path) for path in paths]


def test_every_start_of_a_protocol_has_its_boxes(data, tmp_path):
    evaluate_into(tmp_path, data, ["standing"], protocol="sre", max_frames=5)
    (entry,) = read_entries([tmp_path])
    files = entry.box_files("Ant")
    assert len(files) == 12 and "scale_80" in files
    assert all(read_boxes(path).shape == (5, 4) for path in files.values())
    assert entry.results.overall.spread["ao"].max >= entry.results.overall.ao


def test_an_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(InputError, match=r"no results under .*results.json.*rbsf evaluate"):
        read_entries([tmp_path])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "vot"}, "protocol: Input should be 'ope', 'sre' or 'tre'"),
        ({"listed": None}, "listed: "),
        ({"overall": {"ao": "high"}}, "overall.ao: "),
    ],
)
def test_a_file_that_is_not_understood_is_named_with_the_key(folder, tmp_path, change, message):
    shutil.copytree(folder / "leaping", tmp_path / "leaping")
    file = tmp_path / "leaping" / "results.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError) as raised:
        read_entries([tmp_path])
    assert str(raised.value).startswith(f"{file}: {message}")
    assert "evaluate again" in str(raised.value) and "\n" not in str(raised.value)


def test_a_cut_off_file_is_named(tmp_path):
    (tmp_path / "results.json").write_text('{"dataset": ')
    with pytest.raises(InputError, match=r"results.json: the file: "):
        read_entries([tmp_path])


def test_a_tracker_without_figures_is_skipped(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "leaping" / "results.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"overall": dict.fromkeys(content["overall"])}))
    assert [entry.name for entry in read_entries([tmp_path])] == ["drifting", "standing"]
    with pytest.raises(InputError, match="no figures under"):
        read_entries([tmp_path / "leaping"])


def test_broken_box_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt is missing"):
        read_boxes(tmp_path / "gone.txt")
    np.savetxt(tmp_path / "three.txt", np.ones((4, 3)), delimiter=",")
    with pytest.raises(InputError, match=r"three\.txt line 1: 4 numbers expected"):
        read_boxes(tmp_path / "three.txt")
