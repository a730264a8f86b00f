"""What crops show, when they are made again, and what killed and simultaneous builds leave."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_data import BOX, image, write_got10k, write_plain, write_voc

from rbsf.data import cache as cache_module
from rbsf.data import crops as crops_module
from rbsf.data.cache import CachedSource, open_cache
from rbsf.data.crops import CropSettings
from rbsf.data.sources import SourceSettings
from rbsf.errors import InputError
from rbsf.files.atomic import replacing
from rbsf.geometry import context_side

PATHS = {"got10k": "got10k", "voc": "voc", "folder": "plain"}


def opened(root: Path, kind="got10k", look=False, max_gap=100, **crop) -> CachedSource:
    source, settings = SourceSettings(kind=kind, path=PATHS[kind]), CropSettings(**crop)
    return open_cache(source, root, root / "cache", settings, max_gap, look=look)


def build(root: Path, kind="got10k", **changes):
    return opened(root, kind, **changes).targets


def crop_files(root: Path) -> dict[Path, int]:
    """The files of crops with the times at which they were written."""
    files = (f for f in root.rglob("cache/*/*.safetensors") if not f.name.startswith("index."))
    return {file: file.stat().st_mtime_ns for file in files}


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


def test_what_the_filter_needs_is_kept_in_the_index_too(tmp_path):
    write_got10k(tmp_path, frames=3)
    for _ in range(2):  # from the files of crops, then from the index
        target = build(tmp_path)[1]
        assert target.name == "seq1"
        assert target.boxes[:, 0].tolist() == [60, 62, 64]
        assert target.frame_sizes.tolist() == [[160, 120]] * 3
        assert target.cover.tolist() == [8, 8, 8]
        assert target.frames.tolist() == [0, 1, 2]
        assert not target.is_still
    write_plain(tmp_path, 2)
    assert [t.is_still for _ in range(2) for t in build(tmp_path, "folder")] == [True] * 4


def test_damaged_images_are_named_and_skipped_with_their_count(tmp_path):
    frames = sorted((write_got10k(tmp_path, frames=4) / "train" / "seq0").glob("*.jpg"))
    frames[1].write_bytes(b"no image")
    frames[3].write_bytes(frames[3].read_bytes()[:-200])  # OpenCV would fill it with grey
    for _ in range(2):  # both when the crops are made and when they exist already
        source = opened(tmp_path)
        assert source.remarks == [
            "got10k: 2 damaged images skipped: seq0/00000002.jpg, seq0/00000004.jpg"
        ]
        assert source.targets[0].frames.tolist() == [0, 2]
        assert extent(source.targets[0].crop(1))[0] > 0


def test_an_annotated_image_that_is_missing_counts_as_damaged(tmp_path):
    (write_voc(tmp_path) / "JPEGImages" / "photo0.jpg").unlink()
    source = opened(tmp_path, "voc")
    assert [t.name for t in source.targets] == ["photo1/0/thing"]
    assert "1 damaged" in source.remarks[0]


def test_a_source_without_one_good_image_is_refused(tmp_path):
    for file in write_plain(tmp_path, 2).iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match="plain: none of its images"):
        build(tmp_path, "folder")


def test_boxes_without_a_size_are_left_out(tmp_path):
    truth = write_got10k(tmp_path) / "train" / "seq0" / "groundtruth.txt"
    truth.write_text("61,41,32,24\nnan,nan,nan,nan\n61,41,0,24\n")
    assert build(tmp_path)[0].frames.tolist() == [0]


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path, monkeypatch):
    write_plain(tmp_path, 4)
    write, made = crops_module.write_bytes, []

    def write_two_then_break_off(file, data):
        if len(made) == 2:
            with replacing(file) as partial:
                partial.write_bytes(data[:9])
                raise KeyboardInterrupt
        made.append(file)
        write(file, data)

    monkeypatch.setattr(cache_module, "usable_cores", lambda: 1)
    monkeypatch.setattr(crops_module, "write_bytes", write_two_then_break_off)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, "folder")
    kept = crop_files(tmp_path)
    assert len(kept) == 2

    monkeypatch.setattr(crops_module, "write_bytes", write)
    assert len(build(tmp_path, "folder")) == 4
    assert {f: t for f, t in crop_files(tmp_path).items() if f in kept} == kept


BUILD = """
import os, signal, sys
from pathlib import Path
from rbsf.data import cache, crops
from rbsf.data.sources import SourceSettings
from rbsf.files import atomic
count, publish = int(sys.argv[2]), atomic.publish
def counting(partial, path):
    global count
    count -= 1
    if count == 0:
        {do}
    publish(partial, path)
atomic.publish = counting
cache.usable_cores = lambda: 1
root = Path(sys.argv[1])
source = SourceSettings(kind="folder", path="plain")
found = cache.open_cache(source, root, root / "cache", crops.CropSettings(), 100)
print(len(found.targets))
"""


def start(root: Path, count: int, do: str) -> subprocess.Popen[str]:
    """Starts a process that builds the cache, and does something in its file number `count`."""
    return subprocess.Popen(
        [sys.executable, "-c", BUILD.format(do=do), str(root), str(count)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_killed_build_leaves_nothing_that_the_next_does_not_sweep(tmp_path):
    write_plain(tmp_path, 4)
    killed = start(tmp_path, 3, "os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.wait() == -9
    killed.communicate()
    assert len(list(tmp_path.glob("cache/*/.*.part"))) == 1
    kept = crop_files(tmp_path)
    assert len(kept) == 2
    assert len(build(tmp_path, "folder")) == 4
    assert not list(tmp_path.glob("cache/*/.*.part"))
    assert {f: t for f, t in crop_files(tmp_path).items() if f in kept} == kept


def test_of_two_builders_one_works_and_the_other_finds_all_made(tmp_path):
    write_plain(tmp_path, 3)
    go_on = f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    first = start(tmp_path, 1, f"import time; exec({go_on!r})")
    while not list(tmp_path.glob("cache/*/.*.part")):
        time.sleep(0.01)
    second = start(tmp_path, 1, "sys.exit('the second one made a crop')")
    assert second.stderr and f"waiting for process {first.pid} on" in second.stderr.readline()
    assert first.poll() is None and not crop_files(tmp_path)
    (tmp_path / "go").touch()
    for builder in (first, second):
        out, err = builder.communicate(timeout=60)
        assert (builder.returncode, out) == (0, "3\n"), err


def made_by(root: Path, monkeypatch: pytest.MonkeyPatch, **changes) -> list[str]:
    """The names of the targets whose crops an opening makes."""
    made: list[str] = []
    write = crops_module.write_crops
    with monkeypatch.context() as patch:
        patch.setattr(
            cache_module, "write_crops", lambda t, *rest: (made.append(t.name), write(t, *rest))
        )
        opened(root, **changes)
    return made


def test_a_later_start_looks_at_no_sequence(tmp_path, monkeypatch):
    write_got10k(tmp_path)
    before = opened(tmp_path)

    def never(*_):
        raise AssertionError("the index knows this")

    for name in ("read_source", "read_rows", "crop_file_name", "write_crops"):
        monkeypatch.setattr(cache_module, name, never)
    after = opened(tmp_path)
    assert after.digest == before.digest
    assert [t.file for t in after.targets] == [t.file for t in before.targets]
    assert np.array_equal(after.targets[1].crop(2), before.targets[1].crop(2))


def change_a_box(train: Path) -> None:
    file = train / "seq1" / "groundtruth.txt"
    file.write_text(file.read_text().replace("61.0000", "63.0000"))


def change_the_cover(train: Path) -> None:
    (train / "seq1" / "cover.label").write_text("8\n2\n8\n")


def remove_the_last_image(train: Path) -> None:
    (train / "seq1" / "00000003.jpg").unlink()
    for name in ("groundtruth.txt", "cover.label"):
        lines = (train / "seq1" / name).read_text().splitlines()
        (train / "seq1" / name).write_text("\n".join(lines[:2]) + "\n")


def replace_an_image(train: Path) -> None:
    new = train / "new.jpg"
    new.write_bytes(jpeg(7))
    new.replace(train / "seq1" / "00000002.jpg")


def jpeg(seed: int) -> bytes:
    import cv2

    return cv2.imencode(".jpg", image(seed=seed))[1].tobytes()


@pytest.mark.parametrize(
    "change", [change_a_box, change_the_cover, remove_the_last_image, replace_an_image]
)
def test_a_start_notices_what_has_changed_and_makes_that_alone(tmp_path, monkeypatch, change):
    train = write_got10k(tmp_path) / "train"
    before = opened(tmp_path)
    change(train)
    assert made_by(tmp_path, monkeypatch) == ["seq1"]
    after = opened(tmp_path)
    assert after.digest != before.digest
    assert after.targets[0].file == before.targets[0].file


def test_a_sequence_that_is_added_or_taken_from_the_list_is_noticed(tmp_path, monkeypatch):
    listing = write_got10k(tmp_path, sequences=3) / "train" / "list.txt"
    listing.write_text("seq0\nseq2\n")
    assert made_by(tmp_path, monkeypatch) == ["seq0", "seq2"]
    listing.write_text("seq0\nseq1\n")
    assert made_by(tmp_path, monkeypatch) == ["seq1"]
    assert [t.name for t in build(tmp_path)] == ["seq0", "seq1"]


def test_an_image_that_is_overwritten_in_place_is_noticed_by_a_look(tmp_path, monkeypatch):
    train = write_got10k(tmp_path) / "train"
    build(tmp_path)
    (train / "seq1" / "00000002.jpg").write_bytes(jpeg(7))
    assert made_by(tmp_path, monkeypatch, look=True) == ["seq1"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"spoilt")])
def test_crops_that_are_missing_or_damaged_are_made_again(tmp_path, monkeypatch, spoil):
    write_got10k(tmp_path)
    spoil(build(tmp_path)[1].file)
    assert made_by(tmp_path, monkeypatch) == ["seq1"]


def test_a_damaged_index_is_made_again_without_new_crops(tmp_path, monkeypatch):
    write_got10k(tmp_path)
    build(tmp_path)
    (index,) = tmp_path.glob("cache/*/index.*")
    index.write_bytes(index.read_bytes()[:-9])
    assert made_by(tmp_path, monkeypatch) == []
    assert len(build(tmp_path)) == 2


def test_data_and_cache_may_move_to_another_disk(tmp_path, monkeypatch):
    """A copy has other times of change, and its crops stay good; its content has the same hash."""
    old, new = tmp_path / "old", tmp_path / "new"
    write_got10k(old)
    before = opened(old)
    old.rename(new)
    for file in new.rglob("got10k/**/*"):
        os.utime(file, (1, 1))
    assert made_by(new, monkeypatch) == []
    after = opened(new)
    assert after.digest == before.digest
    assert all(target.file.is_relative_to(new) for target in after.targets)


def test_crops_of_other_settings_lie_beside(tmp_path, monkeypatch):
    write_got10k(tmp_path)
    files = {t.file for t in build(tmp_path, size=255) + build(tmp_path, size=319)}
    assert len(files) == 4
    assert made_by(tmp_path, monkeypatch, size=255) == []


@pytest.mark.parametrize(
    ("frames", "count", "max_gap", "kept"),
    [
        (9, None, 100, list(range(9))),
        (9, 12, 100, list(range(9))),
        (9, 9, 100, list(range(9))),
        (9, 5, 100, [0, 2, 4, 6, 8]),
        (9, 3, 100, [0, 4, 8]),
        (41, 2, 100, [0, 10, 20, 30, 40]),  # no two neighbours are farther apart than 100 / 10
        (9, 2, 40, [0, 4, 8]),
        (9, 2, 5, list(range(9))),
    ],
)
def test_of_a_sequence_so_many_frames_are_kept_evenly_and_near(
    tmp_path, frames, count, max_gap, kept
):
    write_got10k(tmp_path, sequences=1, frames=frames)
    (target,) = build(tmp_path, frames=count, max_gap=max_gap)
    assert target.frames.tolist() == kept
    assert target.boxes[:, 0].tolist() == [60 + 2 * frame for frame in kept]
    assert extent(target.crop(len(kept) - 1))[0] > 0


def test_the_size_is_printed_before_the_build_and_is_about_right(tmp_path, monkeypatch, capsys):
    write_got10k(tmp_path, sequences=3, frames=6)
    monkeypatch.setattr(cache_module, "progress_bar", lambda: pytest.fail("it has begun"))
    with pytest.raises(pytest.fail.Exception):
        build(tmp_path)
    message = " ".join(capsys.readouterr().err.split())
    monkeypatch.undo()
    assert "got10k: making 18 crops of 3 targets, about" in message
    estimate = float(message.partition("about ")[2].partition(" MB")[0])
    build(tmp_path)
    size = sum(file.stat().st_size for file in crop_files(tmp_path)) / 1e6
    assert estimate == pytest.approx(size, rel=0.3)


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    write_got10k(tmp_path)
    usage = cache_module.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(cache_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"need about 0\.\d MB, but the disk .* lower data\.crop"):
        build(tmp_path)
    assert not crop_files(tmp_path)


def test_a_crop_whose_file_is_gone_names_the_remedy(tmp_path):
    write_plain(tmp_path, 1)
    target = build(tmp_path, "folder")[0]
    target.file.unlink()
    with pytest.raises(InputError, match=r"cannot read crops from .*photo0.*run rbsf cache"):
        target.crop(0)
