"""UAV123: parts of one folder by their start and end frames, and folders as OTB has them."""

import numpy as np
import pytest
from benchmark_folders import walk, write_otb, write_uav123

from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.readers.uav123 import parts


def test_the_toolkits_list_is_ours():
    import json
    from pathlib import Path

    import got10k.datasets

    file = Path(got10k.datasets.__file__).with_name("uav123.json")
    theirs = json.loads(file.read_text())["UAV123"]
    assert {part.name: part[1:] for part in parts()} == {
        name: (meta["folder_name"], meta["start_frame"], meta["end_frame"])
        for name, meta in theirs.items()
    }


def test_parts_of_one_folder_have_their_own_frames(tmp_path):
    write_uav123(tmp_path, "bird1_1", "bird1", 1, walk(253))
    gone = walk(703)
    gone[5] = np.nan
    write_uav123(tmp_path, "bird1_2", "bird1", 775, gone)
    attributes = tmp_path / "anno" / "UAV123" / "att"
    attributes.mkdir()
    (attributes / "bird1_2.txt").write_text("1,0,0,1,0,0,0,0,0,0,0,1\n")
    first, second = load_dataset("uav123", tmp_path).sequences
    assert (first.name, len(first.frames), first.frames[0].name) == ("bird1_1", 253, "000001.jpg")
    assert (second.frames[0].name, second.frames[-1].name) == ("000775.jpg", "001477.jpg")
    assert not second.present[5] and second.present.sum() == 702
    assert (first.attributes, second.attributes) == ((), ("SV", "FM", "SOB"))


def test_what_is_missing_is_named(tmp_path):
    write_uav123(tmp_path, "boat1", "boat1", 1, walk(901))
    images = write_uav123(tmp_path, "bike3", "bike3", 1, walk(433))
    (images / "000100.jpg").unlink()
    write_uav123(tmp_path, "bike2", "elsewhere", 1, walk(553))
    dataset = load_dataset("uav123", tmp_path)
    assert dataset.size_text == "1 of 123 sequences"
    reasons = dict(dataset.left_out)
    assert reasons["bike3"] == f"1 of 433 images are missing: {images / '000100.jpg'}"
    assert reasons["bike2"] == f"{tmp_path / 'data_seq' / 'UAV123' / 'bike2'} is missing"
    assert reasons["bike1"].endswith("bike1.txt is missing")


@pytest.mark.parametrize("below", ["", "UAV123"])
def test_the_root_may_be_the_folder_above(tmp_path, below):
    write_uav123(tmp_path / below, "boat1", "boat1", 1, walk(901))
    assert [s.name for s in load_dataset("uav123", tmp_path).sequences] == ["boat1"]


def test_folders_as_otb_has_them(tmp_path):
    write_otb(tmp_path, "truck2", [walk(8)], 8)
    write_otb(tmp_path, "my-own", [walk(8)], 8)
    dataset = load_dataset("uav123", tmp_path)
    assert [s.name for s in dataset.sequences] == ["truck2"]
    assert len(dataset.left_out) == 122
