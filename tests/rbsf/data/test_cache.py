"""The crop cache: what a crop shows, damaged images, and a build that was interrupted."""

import numpy as np
import pytest
from tiny_data import BOX, write_got10k, write_plain, write_voc

from rbsf.data import cache as cache_module
from rbsf.data.cache import CropSettings, build_cache
from rbsf.data.sources import SourceSettings, read_source
from rbsf.errors import InputError
from rbsf.geometry import context_side


def build(root, kind="got10k", size=255, name="source"):
    path = {"got10k": "got10k", "voc": "voc", "folder": "plain"}[kind]
    targets = read_source(SourceSettings(kind=kind, path=path), root)
    return build_cache(targets, root / "cache", CropSettings(size=size), name)


def extent(crop):
    """The left, right, top and bottom of what is red in a crop."""
    red = (crop[..., 0] > 180) & (crop[..., 1] < 80) & (crop[..., 2] < 80)
    rows, columns = np.nonzero(red)
    return columns.min(), columns.max(), rows.min(), rows.max()


@pytest.mark.parametrize("size", [255, 319])
@pytest.mark.parametrize("frame", [0, 2])
def test_a_crop_shows_its_target_centred_at_siamfcs_scale(tmp_path, size, frame):
    """The crop is a square of side s_z size/127, resampled to size: a zoom of 127/s_z."""
    write_got10k(tmp_path)
    crop = build(tmp_path, size=size)[0].crop(frame)
    assert crop.shape == (size, size, 3) and crop.dtype == np.uint8
    left, right, top, bottom = extent(crop)
    assert (left + right) / 2 == pytest.approx((size - 1) / 2, abs=1)
    assert (top + bottom) / 2 == pytest.approx((size - 1) / 2, abs=1)
    zoom = 127 / context_side(BOX.w, BOX.h)
    assert right - left + 1 == pytest.approx(BOX.w * zoom, abs=2)
    assert bottom - top + 1 == pytest.approx(BOX.h * zoom, abs=2)


def test_what_the_filter_needs_is_kept(tmp_path):
    write_got10k(tmp_path, frames=3)
    target = build(tmp_path)[1]
    assert target.name == "seq1"
    assert target.boxes[:, 0].tolist() == [60, 62, 64]
    assert target.frame_sizes.tolist() == [[160, 120]] * 3
    assert target.frames.tolist() == [0, 1, 2]
    assert not target.is_still


def test_damaged_images_are_named_and_skipped_with_their_count(tmp_path, capsys):
    frames = sorted((write_got10k(tmp_path, frames=4) / "train" / "seq0").glob("*.jpg"))
    frames[1].write_bytes(b"no image")
    frames[3].write_bytes(frames[3].read_bytes()[:-200])  # OpenCV would fill it with grey
    for _ in range(2):  # both when the crops are made and when they exist already
        target = build(tmp_path)[0]
        message = " ".join(capsys.readouterr().err.split())
        assert "2 damaged images skipped" in message
        joined = message.replace(" ", "")
        assert "00000002.jpg" in joined and "00000004.jpg" in joined
        assert target.frames.tolist() == [0, 2]
        assert extent(target.crop(1))[0] > 0


def test_an_annotated_image_that_is_missing_counts_as_damaged(tmp_path, capsys):
    (write_voc(tmp_path) / "JPEGImages" / "photo0.jpg").unlink()
    assert [t.name for t in build(tmp_path, "voc")] == ["photo1.0"]
    assert "1 damaged" in capsys.readouterr().err


def test_a_source_without_one_good_image_is_refused(tmp_path):
    for file in write_plain(tmp_path, 2).iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match="plain: none of its images"):
        build(tmp_path, "folder", name="plain")


def test_boxes_without_a_size_are_left_out(tmp_path):
    truth = write_got10k(tmp_path) / "train" / "seq0" / "groundtruth.txt"
    truth.write_text("61,41,32,24\nnan,nan,nan,nan\n61,41,0,24\n")
    assert build(tmp_path)[0].frames.tolist() == [0]


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path, monkeypatch):
    write_plain(tmp_path, 4)
    save, made = cache_module.save_file, []

    def save_two_then_break_off(arrays, partial, metadata):
        if len(made) == 2:
            partial.write_bytes(b"half a file")
            raise KeyboardInterrupt
        made.append(partial)
        save(arrays, partial, metadata)

    monkeypatch.setattr(cache_module.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(cache_module, "save_file", save_two_then_break_off)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, "folder")
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "cache").glob("*.safetensors")}
    assert len(kept) == 2

    monkeypatch.setattr(cache_module, "save_file", save)
    assert len(build(tmp_path, "folder")) == 4
    assert {f: f.stat().st_mtime_ns for f in kept} == kept


def test_crops_of_other_settings_or_boxes_lie_beside(tmp_path):
    source = write_got10k(tmp_path)
    files = {t.file for t in build(tmp_path, size=255) + build(tmp_path, size=319)}
    assert len(files) == 4
    truth = source / "train" / "seq0" / "groundtruth.txt"
    truth.write_text(truth.read_text().replace("61.0000", "63.0000"))
    assert len({t.file for t in build(tmp_path)} - files) == 1


def test_a_damaged_cache_file_is_named(tmp_path):
    write_plain(tmp_path, 1)
    file = build(tmp_path, "folder")[0].file
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{file.name} is damaged; delete it"):
        build(tmp_path, "folder")
