"""The benchmark's tracker part and its whole table, on a small clip and without weights."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rbsf.engine.installation import PACKAGE
from rbsf.errors import InputError
from rbsf.geometry import Box, check_box
from tracker.benchmark import rivals, speed
from tracker.benchmark.footprint import measure_footprint
from tracker.benchmark.plot import plot_rows
from tracker.benchmark.rivals import RunEmbedder
from tracker.benchmark.speed import Clip, measure_speed, scene_clip, tracker_contestants, video_clip

ROW = {"name", "what", "ms_median", "ms_min", "ms_max", "ratio_to_packed"}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return scene_clip(frames=4, size=(320, 180))


class Counted:
    """An embedder that pools colours and remembers the shapes of its crops."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        self.shapes.append(crops.shape)
        size = 6 if crops.shape[1] == 127 else 22
        small = np.stack([cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in crops])
        return np.ascontiguousarray(small.transpose(0, 3, 1, 2).astype(np.float32))


def embedder(name: str, run: Counted) -> RunEmbedder:
    return RunEmbedder(name, "stub", run, "", 1e-5, 0.0)


def test_frames_go_there_and_back_without_a_jump(clip):
    numbered = Clip([np.full((1, 1, 3), n, np.uint8) for n in range(4)], clip.box)
    frames = numbered.there_and_back()
    assert [int(next(frames)[0, 0, 0]) for _ in range(9)] == [1, 2, 3, 2, 1, 0, 1, 2, 3]


def test_crops_are_what_the_tracker_embeds(clip):
    crops = clip.crops(5)
    assert [c.shape for c in crops] == [(3, 255, 255, 3)] * 5
    run = Counted()
    tracker_contestants({"a": embedder("a", run)}, clip)["a"].run()
    assert run.shapes == [(1, 127, 127, 3), (3, 255, 255, 3), (3, 255, 255, 3)]


def test_scales_are_searched_every_fifth_frame(clip):
    run = Counted()
    timed = tracker_contestants({"packed": embedder("packed", run)}, clip)
    assert list(timed) == ["packed", "packed-scale-every-5"]
    every = timed["packed-scale-every-5"]
    run.shapes.clear()
    for _ in range(2 * every.calls):
        every.run()
    counts = [shape[0] for shape in run.shapes]
    assert every.calls == 5 and sorted(counts[:5]) == sorted(counts[5:]) == [1, 1, 1, 1, 3]


class Still:
    """A tracker that stays where it was initialised."""

    seen = 0

    def init(self, frame, box):
        self.box = box

    def update(self, frame):
        self.seen += 1
        return self.box


def test_the_whole_table(clip, monkeypatch, tmp_path):
    stubs = {name: embedder(name, Counted()) for name in ("packed", "packed-scalar", "rival")}
    monkeypatch.setattr(rivals, "contestants", lambda setup: (stubs, ["absent is left out"]))
    other = Still()
    figures = measure_speed(
        ["network", "tracker"], 1, 2, clip, lambda text: None, {"rbsf-box": other}
    )
    assert other.seen == 2 * 3  # in three rounds a timed call follows an untimed one
    assert all(set(row) == ROW for row in figures["rows"])
    network, tracker = (
        {row["name"] for row in figures["rows"] if row["what"] == what}
        for what in ("network", "tracker")
    )
    assert network == set(stubs)
    assert tracker == {"packed", "rival", "packed-scale-every-5", "rbsf-box"}
    assert figures["left_out"] == ["absent is left out"]
    assert (figures["threads"], figures["repeats"], figures["frame"]) == (1, 2, [320, 180])
    assert "layers" not in figures and "memory" not in figures
    plot_rows(figures, tmp_path / "speed.png")
    chart = cv2.imread(str(tmp_path / "speed.png"))
    assert chart is not None and chart.shape[1] > 1000


def test_a_video_needs_two_frames_and_a_box_within(tmp_path):
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    made = video_clip(tmp_path, lambda size: check_box([10, 10, 20, 20], size))
    assert len(made.frames) == 2 and made.box == (10, 10, 20, 20)
    with pytest.raises(InputError, match="outside the frame"):
        video_clip(tmp_path, lambda size: check_box([200, 10, 20, 20], size))
    (tmp_path / "1.png").unlink()
    with pytest.raises(InputError, match="has 1 frame:"):
        video_clip(tmp_path, lambda size: Box(10, 10, 20, 20))


def test_the_footprint_is_that_of_a_process_of_its_own(clip):
    """This process holds more memory than the other, and that must not show."""
    ballast = np.ones(600_000_000, np.uint8)
    figures = measure_footprint(clip.frames, clip.box, rivals=["mil"])
    assert 10 < figures["rivals_peak_mb"].pop("mil") < ballast.nbytes / 1e6
    assert figures["rivals_peak_mb"] == {}
    assert 10 < figures["peak_mb"] < figures["command_peak_mb"] < figures["video_peak_mb"]
    assert figures["video_peak_mb"] < ballast.nbytes / 1e6
    assert 0 < figures["load_s"] < figures["start_s"]
    assert figures["torch"] == (figures["engine"] == "torch")
    assert figures["package"] == str(PACKAGE)
    assert (figures["missing_kernels"] == "") == (figures["engine"] == "packed")


def test_the_footprint_is_that_of_the_same_package(clip, monkeypatch, tmp_path):
    """A folder called rbsf where the benchmark is started must not be imported instead."""
    (tmp_path / "rbsf").mkdir()
    (tmp_path / "rbsf" / "__init__.py").write_text("raise SystemExit('the wrong rbsf')")
    monkeypatch.chdir(tmp_path)
    assert measure_footprint(clip.frames[:2], clip.box)["package"] == str(PACKAGE)
    assert [file.name for file in tmp_path.iterdir()] == ["rbsf"]


def test_without_kernels_the_layers_are_left_out(clip, monkeypatch):
    monkeypatch.setattr(speed, "kernel_paths", list)
    monkeypatch.setattr(speed, "missing_kernels", lambda: "why")
    figures = measure_speed(["layers"], 1, 1, clip, lambda text: None)
    assert figures["left_out"] == ["layers are left out: why"] and "layers" not in figures
