"""Layouts as the benchmarks have them, and what is said of those that are not whole."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from benchmark_folders import SIZE, walk, write_got10k, write_otb

from rbsf.errors import InputError
from tracker.evaluation.datasets import Sequence, load_dataset
from tracker.evaluation.sequence import check_sequence

BOXES = np.array([[1.0, 2, 10, 12], [2, 3, 10.5, 12], [3, 4, 11, 12]])
ZERO_BASED = BOXES - [1, 1, 0, 0]


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
def test_otb_separators(tmp_path, separator):
    write_otb(tmp_path, "Girl", [BOXES], 3, separator)
    (sequence,) = load_dataset("otb", tmp_path).sequences
    assert sequence.name == "Girl"
    assert sequence.boxes == pytest.approx(ZERO_BASED)
    assert [path.name for path in sequence.frames] == ["0001.jpg", "0002.jpg", "0003.jpg"]
    assert sequence.bounds is None


def test_otb_targets_of_one_folder_are_sequences(tmp_path):
    write_otb(tmp_path, "Jogging", [BOXES, BOXES + 5], 3)
    first, second = load_dataset("otb", tmp_path).sequences
    assert (first.name, second.name) == ("Jogging.1", "Jogging.2")
    assert second.boxes == pytest.approx(BOXES + 5 - [1, 1, 0, 0])


def test_otb_empty_second_annotation_is_none(tmp_path):
    folder = write_otb(tmp_path, "Human4", [np.empty((0, 4)), BOXES], 3)
    assert folder.joinpath("groundtruth_rect.1.txt").read_text().strip() == ""
    assert [s.name for s in load_dataset("otb", tmp_path).sequences] == ["Human4"]


@pytest.mark.parametrize(
    ("name", "images", "first", "last"),
    [("David", 771, 300, 770), ("Football1", 90, 1, 74), ("Diving", 231, 1, 215)],
)
def test_otb_cuts(tmp_path, name, images, first, last):
    write_otb(tmp_path, name, [walk(last - first + 1)], images)
    frames = load_dataset("otb", tmp_path).sequences[0].frames
    assert (frames[0].stem, frames[-1].stem) == (f"{first:04d}", f"{last:04d}")


def test_otb_already_cut_is_left_alone(tmp_path):
    write_otb(tmp_path, "David", [walk(471)], 471)
    assert len(load_dataset("otb", tmp_path).sequences[0].frames) == 471


def test_rows_without_a_box_are_absent(tmp_path):
    boxes = np.array([[1.0, 1, 5, 5], [np.nan] * 4, [0, 0, 0, 0], [2, 2, 5, 5]])
    write_otb(tmp_path, "Girl", [boxes], 4)
    (sequence,) = load_dataset("otb", tmp_path).sequences
    assert np.isnan(sequence.boxes).all(axis=1).tolist() == [False, True, True, False]


@pytest.mark.parametrize("below", ["", "val"])
def test_got10k_val(tmp_path, below):
    write_got10k(tmp_path, "b", BOXES, [8, 0, 1])
    write_got10k(tmp_path, "a", BOXES, [0, 8, 8])
    dataset = load_dataset("got10k-val", tmp_path / below)
    second, first = dataset.sequences  # the list's order
    assert (second.name, first.name) == ("b", "a")
    assert np.isnan(second.boxes).all(axis=1).tolist() == [False, True, False]
    assert first.boxes == pytest.approx(ZERO_BASED)  # its first box is where the tracker starts
    assert first.bounds == SIZE
    assert dataset.split == "val"


def test_partial_set_runs_with_the_missing_named(tmp_path):
    write_otb(tmp_path, "Girl", [BOXES], 3)
    write_otb(tmp_path, "Short", [BOXES], 2)
    write_otb(tmp_path, "Blind", [np.vstack([[np.nan] * 4, BOXES[1:]])], 3)
    (tmp_path / "Bare" / "img").mkdir(parents=True)
    (tmp_path / "Nothing").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.me").write_text("not a sequence")
    dataset = load_dataset("otb", tmp_path)
    assert [sequence.name for sequence in dataset.sequences] == ["Girl"]
    assert dataset.listed == 5
    assert dataset.size_text == "1 of 5 sequences"
    bare, blind, nothing, short = dataset.left_out
    assert (bare.sequence, nothing.sequence) == ("Bare", "Nothing")
    assert "groundtruth_rect.txt is missing" in bare.reason
    assert "groundtruth_rect.txt is missing" in nothing.reason
    assert str(blind) == "Blind: its first frame has no box"
    assert str(short) == "Short: 2 images for 3 boxes"


def test_an_empty_sequence_is_missing(tmp_path):
    write_otb(tmp_path, "Girl", [BOXES], 3)
    write_otb(tmp_path, "Empty", [np.empty((0, 4))], 0)
    assert load_dataset("otb", tmp_path).left_out == (("Empty", "0 images for 0 boxes"),)


def test_got10k_other_split_is_not_taken_for_val(tmp_path):
    write_got10k(tmp_path, "a", BOXES, [8, 8, 8])
    (tmp_path / "val").rename(tmp_path / "train")
    with pytest.raises(InputError, match="no got10k-val sequence"):
        load_dataset("got10k-val", tmp_path / "train")


def test_got10k_missing_folder_is_named(tmp_path):
    write_got10k(tmp_path, "here", BOXES, [8, 8, 8])
    with (tmp_path / "val" / "list.txt").open("a") as file:
        file.write("gone\n")
    (gone,) = load_dataset("got10k-val", tmp_path).left_out
    assert gone.sequence == "gone" and "groundtruth.txt is missing" in gone.reason


def test_sequence_asked_for_must_be_whole(tmp_path):
    write_otb(tmp_path, "Girl", [BOXES], 3)
    write_otb(tmp_path, "Short", [BOXES], 2)
    assert [s.name for s in load_dataset("otb", tmp_path, ["Girl"]).sequences] == ["Girl"]
    with pytest.raises(InputError, match="Short: 2 images for 3 boxes"):
        load_dataset("otb", tmp_path, ["Girl", "Short"])
    with pytest.raises(InputError, match=r"no sequence Gril under .*Girl"):
        load_dataset("otb", tmp_path, ["Gril"])


def test_broken_annotation_is_named_with_its_line(tmp_path):
    folder = write_otb(tmp_path, "Girl", [BOXES], 3)
    path = folder / "groundtruth_rect.txt"
    write_otb(tmp_path, "Toy", [BOXES], 3)
    path.write_text("1,2,3,4\n1,2,x,4\n1,2,3,4\n")
    (girl,) = load_dataset("otb", tmp_path).left_out  # the other one runs
    assert girl == ("Girl", f"{path} line 2: 4 numbers expected, not '1,2,x,4'")
    shutil.rmtree(tmp_path / "Toy")
    with pytest.raises(InputError, match=re.escape(f"{path} line 2: 4 numbers expected")):
        load_dataset("otb", tmp_path)
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match=re.escape(f"cannot read {path}")):
        load_dataset("otb", tmp_path)


def test_nothing_there_says_what_was_expected(tmp_path):
    with pytest.raises(InputError, match=r"no otb sequence under .*groundtruth_rect.txt"):
        load_dataset("otb", tmp_path)
    with pytest.raises(InputError, match=r"no got10k-val sequence under .*list.txt"):
        load_dataset("got10k-val", tmp_path / "absent")
    with pytest.raises(InputError, match=r"unknown dataset otb99; known: otb, otb2013"):
        load_dataset("otb99", tmp_path)
    write_otb(tmp_path, "Short", [BOXES], 2)
    with pytest.raises(InputError, match=r"no complete otb sequence.*Short: 2 images"):
        load_dataset("otb", tmp_path)


def test_first_frames(tmp_path):
    late = np.vstack([BOXES[:1], [np.nan] * 4, BOXES[2:]])
    write_otb(tmp_path, "Girl", [BOXES], 3)
    write_otb(tmp_path, "Late", [late], 3)
    write_otb(tmp_path, "Short", [BOXES], 2)
    cut = load_dataset("otb", tmp_path).first_frames(2)
    assert [len(s.frames) for s in cut.sequences] == [2]
    assert cut.sequences[0].boxes == pytest.approx(ZERO_BASED[:2])
    assert cut.left_out == (
        ("Short", "2 images for 3 boxes"),
        ("Late", "no frame after the first has a box"),
    )
    with pytest.raises(InputError, match="at least 2 frames"):
        cut.first_frames(1)


@pytest.mark.parametrize("name", ["..", "../up", "/absolute", "a\\b", "C:x", "", "."])
def test_no_layout_gives_a_name_that_leads_out_of_the_output(name):
    """Every reader checks its sequences with `check_sequence`."""
    with pytest.raises(InputError, match="is refused as the name of a sequence: it is a path"):
        check_sequence(Sequence(name, (Path("1.jpg"), Path("2.jpg")), ZERO_BASED[:2]))


def test_folders_with_odd_names_are_left_out_and_named(tmp_path):
    write_otb(tmp_path, "Girl", [BOXES], 3)
    write_otb(tmp_path, "C:x", [BOXES], 3)
    dataset = load_dataset("otb", tmp_path)
    assert [sequence.name for sequence in dataset.sequences] == ["Girl"]
    assert "'C:x' is refused" in str(dataset.left_out[0])
