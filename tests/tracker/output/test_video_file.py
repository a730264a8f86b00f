"""The annotated video plays in browsers, has true times, and is legible."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from rbsf.errors import InputError
from rbsf.geometry import Box
from tracker.loop.target import Track
from tracker.output.annotate import COLORS, annotate
from tracker.output.check import check_output
from tracker.output.video_file import VideoWriter
from tracker.video.open import open_source

TIMES = [0.5, 0.54, 0.6, 1.6, 1.61, 3.0]


def ramp(width: int, height: int, value: int) -> np.ndarray:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (value, 120, 255 - value)
    return image


def write(path: Path, width: int, height: int) -> None:
    writer = VideoWriter(path)
    for index, time_s in enumerate(TIMES):
        writer.write(ramp(width, height, 40 * index), time_s)
    writer.close()


def test_the_video_plays_in_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write(path, 64, 48)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.frames == len(TIMES)
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")  # so it plays while it loads
    assert list(tmp_path.iterdir()) == [path]


def test_no_frame_is_held_back(tmp_path: Path) -> None:
    """B-frames would come after the frames they refer to, and the encoder would keep those."""
    write(tmp_path / "out.mp4", 64, 48)
    with av.open(str(tmp_path / "out.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]


def test_times_and_colours_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", 64, 48)
    frames = list(open_source(tmp_path / "out.mp4"))
    shown = [frame.time_s for frame in frames]
    assert shown == pytest.approx([time_s - TIMES[0] for time_s in TIMES], abs=1e-4)
    for index, frame in enumerate(frames):
        assert frame.image is not None
        expected = ramp(1, 1, 40 * index).ravel()
        assert frame.image.mean(axis=(0, 1)) == pytest.approx(expected, abs=8)


def test_odd_sizes_gain_a_pixel(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", 65, 47)
    assert open_source(tmp_path / "out.mp4").size == (66, 48)


def test_times_that_stand_still_still_make_a_video(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4")
    for time_s in (0.0, 0.1, 0.1, 0.05):
        writer.write(ramp(64, 48, 0), time_s)
    writer.close()
    assert len(list(open_source(tmp_path / "out.mp4"))) == 4


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "out.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_went_away_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*out\.mp4"):
        VideoWriter(tmp_path / "gone" / "out.mp4").write(ramp(64, 48, 0), 0.0)


def test_without_libx264_there_is_still_a_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.output.video_file.video_codec", lambda: "mpeg4")
    write(tmp_path / "out.mp4", 64, 48)
    shown = [frame.time_s for frame in open_source(tmp_path / "out.mp4")]
    assert shown == pytest.approx([time_s - TIMES[0] for time_s in TIMES], abs=1e-4)


def test_outputs_are_checked_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "dir.mp4").mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"x")
    source = str(tmp_path / "clip.mp4")
    for name, why in {
        "out.avi": r"must end in \.mp4",
        "gone/out.mp4": "there is no folder .*gone; make it",
        "dir.mp4": "it is a folder",
        "clip.mp4": "is the source itself",
    }.items():
        with pytest.raises(InputError, match=why):
            check_output(tmp_path / name, (".mp4",), source)
    assert check_output(tmp_path / "any.bin", (), source).name == "any.bin"
    assert check_output(tmp_path / "out.MP4", (".mp4",), source).name == "out.MP4"


def near(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image.astype(int) - color).max(axis=2) < 30


@pytest.mark.parametrize("size", [(320, 180), (1920, 1080)])
def test_boxes_are_where_they_should_be(size: tuple[int, int]) -> None:
    width, height = size
    image = ramp(width, height, 128)
    box = Box(0.25 * width, 0.4 * height, 0.4 * width, 0.3 * height)
    drawn = annotate(image, 7, [Track(box, 0.5, False)])
    below = near(drawn, COLORS[0])[round(box.y) + 5 :]  # under the label
    rows, columns = np.nonzero(below)
    edge = 0.01 * width
    assert columns.min() == pytest.approx(box.x, abs=edge)
    assert columns.max() == pytest.approx(box.x + box.w, abs=edge)
    assert rows.max() + round(box.y) + 5 == pytest.approx(box.y + box.h, abs=edge)
    assert (image == ramp(width, height, 128)).all()  # the frame itself stays as it was


def test_lost_is_dashed() -> None:
    image, box = ramp(320, 180, 128), Box(80, 80, 160, 80)
    solid, dashed = (
        near(annotate(image, 7, [Track(box, 0.5, lost)]), COLORS[0])[159, 85:235].mean()
        for lost in (False, True)
    )
    assert solid > 0.95
    assert 0.3 < dashed < 0.8


def test_targets_and_truth_differ_and_may_leave_the_frame() -> None:
    tracks = [Track(Box(20 + 90 * i, 60, 60, 60), 0.9, False) for i in range(3)]
    tracks.append(Track(Box(-500, -500, 40, 40), 0.9, True))
    drawn = annotate(ramp(320, 180, 128), 0, tracks, [Box(40, 130, 50, 45)])
    assert all(near(drawn, COLORS[i]).any() for i in range(3))
    assert near(drawn, (250, 250, 250))[131:170].any()


def test_the_label_is_inside_the_frame() -> None:
    drawn = annotate(ramp(320, 180, 128), 0, [Track(Box(300, -10, 60, 40), 0.9, False)])
    label = near(drawn, COLORS[0])[:, 240:]
    count, _, stats, _ = cv2.connectedComponentsWithStats(label.astype(np.uint8))
    assert count > 1 and stats[1:, cv2.CC_STAT_AREA].max() > 300
