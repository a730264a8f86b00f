"""LaSOT, NfS, DTB70 and VOT, beside the toolkit's readers where they work."""

import numpy as np
import pytest
from benchmark_folders import walk, write_images, write_otb

from rbsf.geometry import to_one_indexed
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.readers.files import official_list


def write_lasot(root, name, boxes, hidden=(), out=()):
    folder = root / name.rpartition("-")[0] / name
    write_images(folder / "img", [f"{number:08d}.jpg" for number in range(1, len(boxes) + 1)])
    np.savetxt(folder / "groundtruth.txt", boxes, fmt="%g", delimiter=",")
    for file, frames in (("full_occlusion", hidden), ("out_of_view", out)):
        flags = [str(int(index in frames)) for index in range(len(boxes))]
        (folder / f"{file}.txt").write_text(",".join(flags))
    return folder


def test_lasot_lists_the_toolkits_test_set():
    import json
    from pathlib import Path

    import got10k.datasets

    theirs = json.loads(Path(got10k.datasets.__file__).with_name("lasot.json").read_text())["test"]
    ours = [
        f"{category}-{n}" for category, *numbers in official_list("lasot_test") for n in numbers
    ]
    assert sorted(ours) == sorted(theirs)


def test_lasot_does_not_score_frames_without_a_target(tmp_path):
    write_lasot(tmp_path, "airplane-1", walk(6), hidden=[2], out=[3, 4])
    write_lasot(tmp_path, "airplane-2", walk(6))  # of the training set
    dataset = load_dataset("lasot", tmp_path)
    (sequence,) = dataset.sequences
    assert (sequence.name, dataset.listed) == ("airplane-1", 280)
    assert sequence.present.tolist() == [True, True, False, False, False, True]
    assert sequence.attributes == ("FOC", "OV")
    assert sequence.boxes[0, :2].tolist() == (walk(1)[0, :2] - 1).tolist()
    (tmp_path / "att").mkdir()
    (tmp_path / "att" / "airplane-1.txt").write_text("1" + ",0" * 12 + ",1")
    assert load_dataset("lasot", tmp_path).sequences[0].attributes == ("IV", "ARC")


def test_lasot_without_folders_of_categories(tmp_path):
    write_lasot(tmp_path, "bear-2", walk(5))
    (tmp_path / "bear" / "bear-2").rename(tmp_path / "bear-2")
    assert [s.name for s in load_dataset("lasot", tmp_path).sequences] == ["bear-2"]


@pytest.mark.parametrize("rows", [40, 41, 320, 326])
def test_nfs_is_read_as_the_toolkit_reads_it(tmp_path, rows):
    from got10k.datasets import NfS

    boxes = np.tile(walk(40), (9, 1))[:rows]
    folder = tmp_path / "airboard_1" / "30"
    write_images(folder / "airboard_1", [f"{number:05d}.jpg" for number in range(1, 41)])
    lines = [
        f'0 {x:g} {y:g} {x + w:g} {y + h:g} {number} 0 0 0 "thing"'
        for number, (x, y, w, h) in enumerate(boxes)
    ]
    (folder / "airboard_1.txt").write_text("\n".join(lines) + "\n")
    (sequence,) = load_dataset("nfs", tmp_path).sequences
    frames, theirs = NfS(str(tmp_path), fps=30)[0]
    assert [str(path) for path in sequence.frames] == frames
    assert to_one_indexed(sequence.boxes) == pytest.approx(theirs)


def test_corners_of_nfs_that_are_too_far_apart_are_no_box(tmp_path):
    folder = tmp_path / "airboard_1" / "30"
    write_images(folder / "airboard_1", ["00001.jpg", "00002.jpg", "00003.jpg"])
    rows = "0 5 5 25 25", "0 -1e308 5 1e308 25", "0 5 5 25 25"
    (folder / "airboard_1.txt").write_text("\n".join(rows))
    (sequence,) = load_dataset("nfs", tmp_path).sequences
    assert sequence.present.tolist() == [True, False, True]


def test_dtb70_is_read_as_the_toolkit_reads_it(tmp_path):
    from got10k.datasets import DTB70

    write_otb(tmp_path, "Animal1", [walk(7)], 7)
    (tmp_path / "Yacht4").mkdir()
    dataset = load_dataset("dtb70", tmp_path)
    frames, theirs = DTB70(str(tmp_path))[0]
    assert [str(path) for path in dataset.sequences[0].frames] == frames
    assert to_one_indexed(dataset.sequences[0].boxes) == pytest.approx(theirs)
    assert dataset.left_out[0].sequence == "Yacht4"


def write_vot(root, name, rows, below=""):
    write_images(root / name / below, [f"{number:08d}.jpg" for number in range(1, len(rows) + 1)])
    (root / name / "groundtruth.txt").write_text("\n".join(rows) + "\n")
    with (root / "list.txt").open("a") as file:
        file.write(name + "\n")


def test_vot_reads_every_kind_of_region(tmp_path):
    rows = ["10,11,20,30", "1", "m4,5,3,2,1,1,2,1,1", "0,0,4,0,4,2,0,2"]
    write_vot(tmp_path, "ball", rows, below="color")
    (tmp_path / "ball" / "occlusion.tag").write_text("0\n1\n0\n0\n")
    (tmp_path / "ball" / "camera_motion.tag").write_text("0\n0\n0\n0\n")
    (sequence,) = load_dataset("vot-st", tmp_path).sequences
    box, none, mask, polygon = sequence.boxes
    assert box.tolist() == [10, 11, 20, 30] and np.isnan(none).all()
    assert mask.tolist() == [5, 5, 1, 2]  # 010 over 010
    assert polygon.tolist() == [-0.5, -0.5, 5, 3]
    assert sequence.attributes == ("occlusion",)


def test_vot_polygons_become_the_toolkits_boxes(tmp_path):
    from got10k.datasets import VOT

    corners = np.random.default_rng(0).uniform(10, 40, (5, 8))
    write_vot(tmp_path, "ball", [",".join(f"{v:.3f}" for v in row) for row in corners])
    (sequence,) = load_dataset("vot-st", tmp_path).sequences
    theirs = VOT._corner2rect(None, corners.round(3))
    assert sequence.boxes == pytest.approx(theirs)


def test_a_broken_region_and_a_name_that_is_a_path_are_named(tmp_path):
    write_vot(tmp_path, "ball", ["1,2,3,4", "1,2,3,4"])
    write_vot(tmp_path, "bad", ["1,2,3,4", "1,2,x,4"])
    with (tmp_path / "list.txt").open("a") as file:
        file.write("../out\n")
    bad, path = load_dataset("vot-st", tmp_path).left_out
    assert bad.sequence == "bad" and "line 2 is no region" in bad.reason
    assert path.sequence == "../out" and "it is a path" in path.reason
