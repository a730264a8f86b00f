"""The benchmark's tracker part and its whole table, on a small clip and embedders of no weight."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rbsf.errors import InputError
from tracker.benchmark import rivals
from tracker.benchmark.footprint import measure_footprint
from tracker.benchmark.plot import plot_rows
from tracker.benchmark.rivals import RunEmbedder
from tracker.benchmark.speed import Clip, measure_speed, scene_clip, tracker_contestants, video_clip

ROW = {"name", "what", "ms_median", "ms_min", "ms_max", "ratio_to_packed"}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return scene_clip(frames=4, size=(320, 180))


class Counted:
    """An embedder that pools colours, and remembers the shapes of its crops."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        self.shapes.append(crops.shape)
        size = 6 if crops.shape[1] == 127 else 22
        small = np.stack([cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in crops])
        return np.ascontiguousarray(small.transpose(0, 3, 1, 2).astype(np.float32))


def embedder(name: str, run: Counted) -> RunEmbedder:
    return RunEmbedder(name, "stub", run, "", 1e-5, 0.0)


def test_frames_go_there_and_back_without_a_leap(clip):
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


def test_the_whole_table(clip, monkeypatch, tmp_path):
    stubs = {name: embedder(name, Counted()) for name in ("packed", "packed-scalar", "rival")}
    monkeypatch.setattr(rivals, "contestants", lambda setup: (stubs, ["absent is left out"]))
    told = measure_speed(["network", "tracker"], 1, 2, clip, lambda text: None)
    assert all(set(row) == ROW for row in told["rows"])
    network, tracker = (
        {row["name"] for row in told["rows"] if row["what"] == what}
        for what in ("network", "tracker")
    )
    assert network == set(stubs)
    assert tracker == {"packed", "rival", "packed-scale-every-5"}
    assert told["left_out"] == ["absent is left out"]
    assert (told["threads"], told["repeats"], told["frame"]) == (1, 2, [320, 180])
    assert "layers" not in told and "memory" not in told
    plot_rows(told, tmp_path / "speed.png")
    chart = cv2.imread(str(tmp_path / "speed.png"))
    assert chart is not None and chart.shape[1] > 1000


def test_a_video_needs_two_frames_and_a_box_within(tmp_path):
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((60, 80, 3), np.uint8))
    made = video_clip(tmp_path, [10, 10, 20, 20])
    assert len(made.frames) == 2 and made.box == (10, 10, 20, 20)
    with pytest.raises(InputError, match="outside the frame"):
        video_clip(tmp_path, [200, 10, 20, 20])
    (tmp_path / "1.png").unlink()
    with pytest.raises(InputError, match="has 1 frames"):
        video_clip(tmp_path, [10, 10, 20, 20])


def test_the_footprint_is_that_of_a_process_of_its_own(clip):
    """This process holds more than the other, and that must not show."""
    ballast = np.ones(600_000_000, np.uint8)
    told = measure_footprint(clip.frames, clip.box)
    assert set(told) == {"peak_mb", "start_s", "load_s", "torch", "engine", "path"}
    assert told["peak_mb"] > 10
    assert 0 < told["load_s"] < told["start_s"]
    if told["engine"] != "torch":
        assert not told["torch"] and told["peak_mb"] < ballast.nbytes / 1e6
