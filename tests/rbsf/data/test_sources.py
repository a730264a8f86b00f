"""Training sources: layouts, indexing, and messages about folders that are not what they claim."""

import numpy as np
import pytest
from tiny_data import BOX, SIZE, write_got10k, write_plain, write_voc

from rbsf.data.sources import SourceSettings, read_source
from rbsf.errors import InputError


def read(root, kind, path):
    return read_source(SourceSettings(kind=kind, path=path), root)


def test_got10k_boxes_are_shifted_to_zero(tmp_path):
    write_got10k(tmp_path, sequences=2, frames=3)
    targets = read(tmp_path, "got10k", "got10k")
    assert [t.name for t in targets] == ["seq0", "seq1"]
    assert np.allclose(targets[0].boxes, [[60 + 2 * i, 40, 32, 24] for i in range(3)])
    assert [i.name for i in targets[0].images] == [f"0000000{i}.jpg" for i in (1, 2, 3)]
    assert targets[0].cover.tolist() == [8, 8, 8]
    assert not targets[0].is_still


def test_got10k_without_cover_counts_as_seen(tmp_path):
    (write_got10k(tmp_path) / "train" / "seq0" / "cover.label").unlink()
    assert read(tmp_path, "got10k", "got10k")[0].cover.tolist() == [8, 8, 8]


def test_voc_corners_become_boxes(tmp_path):
    write_voc(tmp_path)
    targets = read(tmp_path, "voc", "voc")
    assert len(targets) == 2
    assert targets[0].boxes.tolist() == [list(BOX)]
    assert targets[0].is_still
    assert targets[0].images[0].is_file()


def test_plain_images_have_a_box_near_the_middle_that_does_not_change(tmp_path):
    folder = write_plain(tmp_path)
    (folder / "notes.txt").write_text("no image")
    first, again = (read(tmp_path, "folder", "plain") for _ in range(2))
    assert len(first) == 3
    for target, same in zip(first, again, strict=True):
        assert np.array_equal(target.boxes, same.boxes)
        (x, y, w, h) = target.boxes[0]
        assert 0.25 <= w / SIZE[0] <= 0.5 and 0.25 <= h / SIZE[1] <= 0.5
        assert 1 / 3 <= (x + w / 2) / SIZE[0] <= 2 / 3
        assert 1 / 3 <= (y + h / 2) / SIZE[1] <= 2 / 3
    assert len({tuple(t.boxes[0]) for t in first}) == 3


def test_a_missing_folder_names_the_remedy(tmp_path):
    with pytest.raises(
        InputError, match=r"no data at .*nowhere: correct `data\.root` \(.*\(nowhere"
    ):
        read(tmp_path, "voc", "nowhere")


@pytest.mark.parametrize("kind", ["voc", "folder"])
def test_an_empty_split_is_reported(tmp_path, kind):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        read(tmp_path, kind, "empty")


def test_an_empty_got10k_list_is_reported(tmp_path):
    (write_got10k(tmp_path) / "train" / "list.txt").write_text("")
    with pytest.raises(InputError, match="empty"):
        read(tmp_path, "got10k", "got10k")


def test_a_folder_of_another_layout_is_reported(tmp_path):
    write_plain(tmp_path)
    with pytest.raises(InputError, match=r"no train/list\.txt: it is not in GOT-10k layout"):
        read(tmp_path, "got10k", "plain")


def test_listed_sequences_that_are_missing_are_named(tmp_path):
    listing = write_got10k(tmp_path) / "train" / "list.txt"
    listing.write_text(listing.read_text() + "gone\n")
    with pytest.raises(InputError, match="1 sequences that are missing: gone"):
        read(tmp_path, "got10k", "got10k")


@pytest.mark.parametrize("file", ["groundtruth.txt", "cover.label"])
def test_annotations_that_do_not_fit_the_images_are_named(tmp_path, file):
    label = write_got10k(tmp_path) / "train" / "seq1" / file
    label.write_text(label.read_text() + label.read_text())
    with pytest.raises(InputError, match=r"seq1.*one line for each image"):
        read(tmp_path, "got10k", "got10k")


def test_a_broken_annotation_is_named(tmp_path):
    (write_voc(tmp_path) / "Annotations" / "photo1.xml").write_text("<annotation>")
    with pytest.raises(InputError, match=r"photo1\.xml is not a VOC annotation"):
        read(tmp_path, "voc", "voc")
