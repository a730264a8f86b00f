"""OTB: targets of one folder, folders whose names clash, cut ranges, and the official lists."""

import numpy as np
import pytest
from benchmark_folders import walk, write_images, write_otb

from rbsf.errors import InputError
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.readers.files import official_list

BOXES = walk(6)


def names(dataset):
    return [sequence.name for sequence in dataset.sequences]


def test_a_folder_named_as_anothers_target_hides_nothing(tmp_path):
    write_otb(tmp_path, "B", [BOXES, BOXES + 5], 6)
    write_otb(tmp_path, "B.1", [BOXES + 9], 6)
    dataset = load_dataset("otb", tmp_path)
    assert names(dataset) == ["B.target1", "B.target2", "B.1"]
    firsts = [sequence.boxes[0, 0] + 1 for sequence in dataset.sequences]
    assert firsts == [BOXES[0, 0], BOXES[0, 0] + 5, BOXES[0, 0] + 9]
    write_otb(tmp_path, "B.target2", [BOXES], 6)
    assert len(load_dataset("otb", tmp_path).sequences) == 4


@pytest.mark.parametrize(
    ("name", "there", "first", "last"),
    [
        ("David", range(1, 771), 300, 770),
        ("Diving", range(1, 232), 1, 215),
        ("Football1", range(1, 82), 1, 74),
        ("Freeman3", range(1, 475), 1, 460),
        ("Freeman4", range(1, 298), 1, 283),
        ("BlurCar1", range(1, 989), 247, 988),
        ("BlurCar3", range(1, 360), 3, 359),
        ("BlurCar4", range(1, 398), 18, 397),
        ("Tiger1", range(1, 355), 6, 354),
    ],
)
@pytest.mark.parametrize("dataset", ["otb", "otb100"])
def test_a_sequences_range_is_by_the_numbers_of_its_images(
    tmp_path, dataset, name, there, first, last
):
    write_otb(tmp_path, name, [walk(last - first + 1)], 0)
    write_images(tmp_path / name / "img", [f"{number:04d}.jpg" for number in there])
    (sequence,) = load_dataset(dataset, tmp_path).sequences
    assert (sequence.frames[0].stem, sequence.frames[-1].stem) == (f"{first:04d}", f"{last:04d}")


def test_images_that_begin_at_a_later_number_are_taken_as_they_are(tmp_path):
    write_otb(tmp_path, "BlurCar1", [BOXES], 0)
    write_images(tmp_path / "BlurCar1" / "img", [f"{number:04d}.jpg" for number in range(247, 253)])
    write_otb(tmp_path, "Tiger1", [BOXES], 6)  # as it is downloaded, a box for each image
    assert [len(s.frames) for s in load_dataset("otb100", tmp_path).sequences] == [6, 6]


@pytest.mark.parametrize(("name", "count"), [("otb2013", 51), ("otb50", 50), ("otb100", 100)])
def test_the_official_lists_have_their_targets_and_the_rest_is_missing(tmp_path, name, count):
    write_otb(tmp_path, "Girl", [BOXES], 6)
    write_otb(tmp_path, "NotInAnyList", [BOXES], 6)
    dataset = load_dataset(name, tmp_path)
    assert names(dataset) == ["Girl"]
    assert dataset.listed == count and len(dataset.left_out) == count - 1
    assert {reason for _, reason in dataset.left_out} == {"its folder is missing"}


def test_the_toolkits_lists_are_ours():
    from got10k.datasets import OTB

    theirs = OTB._OTB__version_dict
    for ours, version in (("otb2013", "otb2013"), ("otb50", "tb50"), ("otb100", "tb100")):
        folders = {name.partition(".")[0] for (name,) in official_list(ours)}
        assert folders == set(theirs[version])


@pytest.mark.parametrize("mark", ["", ".", "-", "_"])
def test_a_second_target_is_found_wherever_copies_keep_it(tmp_path, mark):
    if mark:
        write_otb(tmp_path, f"Jogging{mark}1", [BOXES], 6)
        write_otb(tmp_path, f"Jogging{mark}2", [BOXES + 5], 6)
    else:
        write_otb(tmp_path, "Jogging", [BOXES, BOXES + 5], 6)
    first, second = load_dataset("otb2013", tmp_path).sequences
    assert (first.name, second.name) == ("Jogging.1", "Jogging.2")
    assert second.boxes[0, 0] - first.boxes[0, 0] == 5


def test_human4_has_one_target(tmp_path):
    write_otb(tmp_path, "Human4", [np.empty((0, 4)), BOXES], 6)
    assert names(load_dataset("otb100", tmp_path)) == ["Human4.2"]


def test_what_a_mac_leaves_beside_images_is_no_image(tmp_path):
    images = write_otb(tmp_path, "Girl", [BOXES], 6) / "img"
    (images / "._0001.jpg").write_bytes(b"Mac OS X")
    (images / "Thumbs.db").write_bytes(b"")
    assert len(load_dataset("otb", tmp_path).sequences[0].frames) == 6


def test_names_may_be_in_lower_case(tmp_path):
    write_otb(tmp_path, "carDark", [BOXES], 6)
    assert names(load_dataset("otb100", tmp_path)) == ["CarDark"]


def test_attributes_are_read_where_they_are(tmp_path):
    (write_otb(tmp_path, "Girl", [BOXES], 6) / "attrs.txt").write_text("SV, OCC, IPR")
    write_otb(tmp_path, "Jogging", [BOXES, BOXES], 6)
    write_otb(tmp_path, "Toy", [BOXES], 6)
    toolbox = tmp_path / "anno" / "att"
    toolbox.mkdir(parents=True)
    (toolbox / "jogging-2.txt").write_text("0,1,0,1,1,0,0,0,0,0,0\n")
    (toolbox / "toy.txt").write_text("damaged")
    found = {s.name: s.attributes for s in load_dataset("otb", tmp_path).sequences}
    assert found == {
        "Girl": ("SV", "OCC", "IPR"),
        "Jogging.1": (),
        "Jogging.2": ("OPR", "OCC", "DEF"),
        "Toy": (),
    }


def test_a_wrong_root_says_what_was_looked_for_and_what_was_found(tmp_path):
    for name in "abcdefgh":
        (tmp_path / "data" / name).mkdir(parents=True)
    (tmp_path / "data" / "a" / "movie.mp4").write_text("")
    for dataset in ("otb100", "got10k-val", "uav123"):
        with pytest.raises(InputError) as error:
            load_dataset(dataset, tmp_path / "data")
        assert "expected <root>" in str(error.value) and "\n" not in str(error.value)
        assert "found a/, b/, c/, d/, e/, f/, 2 more" in str(error.value)
    with pytest.raises(InputError, match="found no such folder"):
        load_dataset("otb100", tmp_path / "nowhere")
    with pytest.raises(InputError, match="found a file"):
        load_dataset("otb", tmp_path / "data" / "a" / "movie.mp4")
