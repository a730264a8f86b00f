"""The loop: what the tracker is given, what the clock sees, what is done again and what is not."""

import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from benchmark_folders import SIZE, DriftingTracker, StandingTracker, walk, write_otb

from rbsf.errors import InputError
from rbsf.files.atomic import replacing
from rbsf.geometry import Box
from tracker.evaluation import runner
from tracker.evaluation.archive import Archive
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.runner import evaluate_tracker, read_frame


@pytest.fixture
def root(tmp_path):
    for number, name in enumerate("ABC"):
        write_otb(tmp_path / "otb", name, [walk(6, seed=number)], 6)
    return tmp_path / "otb"


class Counting:
    """Makes standing trackers and counts them."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return StandingTracker()


def test_an_oracle_scores_one(root):
    dataset = load_dataset("otb", root, ["A"])
    truth = iter(dataset.sequences[0].boxes)

    class Oracle:
        def init(self, frame, box):
            assert frame.shape == (SIZE[1], SIZE[0], 3) and frame.dtype == np.uint8
            assert box == Box(*next(truth))  # 0-indexed, as our trackers take it

        def update(self, frame):
            return SimpleNamespace(box=Box(*next(truth)))

    results = evaluate_tracker(Oracle, dataset)
    assert results.overall.ao == pytest.approx(1, abs=1e-9)
    assert results.overall.precision_20px == 1
    boxes = results.trajectories["A"]["ope"].boxes
    assert boxes == pytest.approx(walk(6, seed=0), abs=1e-9)  # 1-indexed


def test_a_standing_box_has_the_overlap_it_has(tmp_path):
    boxes = [[1, 1, 10, 10], [6, 1, 10, 10], [1, 1, 10, 10]]  # IoU 1/3, 1
    write_otb(tmp_path, "A", [np.array(boxes)], 3)
    results = evaluate_tracker(StandingTracker, load_dataset("otb", tmp_path))
    assert results.overall.ao == pytest.approx(2 / 3)
    assert results.overall.sr50 == 0.5


def test_the_clock_runs_in_the_tracker_alone(root, monkeypatch):
    clock = SimpleNamespace(now=0.0)

    def pass_time(seconds):
        clock.now += seconds

    class Slow(StandingTracker):
        def init(self, frame, box):
            pass_time(3)
            super().init(frame, box)

        def update(self, frame):
            pass_time(1)
            return super().update(frame)

    monkeypatch.setattr(runner.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(runner, "read_frame", lambda path: pass_time(100) or np.zeros((48, 64, 3)))
    results = evaluate_tracker(Slow, load_dataset("otb", root, ["A", "B"]))
    assert results.trajectories["A"]["ope"].seconds == 8
    assert results.trajectories["A"]["ope"].times.tolist() == [3, 1, 1, 1, 1, 1]
    assert results.sequence_fps("A") == pytest.approx(6 / 8)
    assert results.fps == pytest.approx(12 / 16)


def test_max_frames_and_progress(root):
    seen = []
    results = evaluate_tracker(
        StandingTracker,
        load_dataset("otb", root),
        3,
        on_run=lambda run, kept: seen.append((run.path, kept)),
    )
    assert {len(runs["ope"].boxes) for runs in results.trajectories.values()} == {3}
    assert seen == [("A", False), ("B", False), ("C", False)]


def test_several_workers_give_the_same_boxes_and_no_speed(root):
    dataset = load_dataset("otb", root)
    alone = evaluate_tracker(DriftingTracker, dataset)
    together = evaluate_tracker(DriftingTracker, dataset, workers=2)
    assert list(together.trajectories) == ["A", "B", "C"]
    for name, runs in alone.trajectories.items():
        assert (together.trajectories[name]["ope"].boxes == runs["ope"].boxes).all()
    assert together.overall == alone.overall
    assert together.fps is None and alone.fps > 0


@pytest.mark.parametrize("damage", ["empty", "text", "gone"])
def test_a_broken_image_is_named(root, damage):
    dataset = load_dataset("otb", root)
    path = dataset.sequences[1].frames[2]
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"not an image")
    results = evaluate_tracker(StandingTracker, dataset)
    assert results.dataset.left_out == (
        ("B", f"cannot read image {path}: it is missing, empty or damaged"),
    )
    assert [sequence.name for sequence in results.dataset.sequences] == ["A", "C"]
    assert list(results.scores) == list(results.trajectories) == ["A", "C"]
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_frame(path)


def test_a_stopped_run_goes_on(root, tmp_path):
    dataset = load_dataset("otb", root)
    archive = tmp_path / "out"
    healthy = dataset.sequences[1].frames[2].read_bytes()
    dataset.sequences[1].frames[2].write_bytes(b"")
    stopped = evaluate_tracker(Counting(), dataset, archive=Archive(archive, {}))
    assert len(stopped.trajectories) == 2
    dataset.sequences[1].frames[2].write_bytes(healthy)

    make, kept = Counting(), []
    resumed = evaluate_tracker(
        make, dataset, archive=Archive(archive, {}), on_run=lambda run, k: kept.append(k)
    )
    assert make.made == 1 and kept == [True, True, False]
    fresh = evaluate_tracker(StandingTracker, dataset)
    assert resumed.overall == fresh.overall
    assert list(resumed.trajectories) == ["A", "B", "C"]
    assert resumed.fps > 0


class Doubtful(StandingTracker):
    """Is less sure with every frame, and lost from the third on."""

    def init(self, frame, box):
        super().init(frame, box)
        self.score = 1.0

    def update(self, frame):
        self.score /= 3
        return SimpleNamespace(box=self.box, score=self.score, lost=self.score < 0.2)


def test_scores_and_lost_flags_are_kept(root, tmp_path):
    def said(make):
        archive = Archive(tmp_path / make.__name__, {})
        run = evaluate_tracker(make, load_dataset("otb", root, ["A"]), archive=archive)
        return run.trajectories["A"]["ope"]

    scores = [1, 0.3333, 0.1111, 0.037, 0.0123, 0.0041]
    for trajectory in (said(Doubtful), said(Doubtful)):  # as it was run, and as it was kept
        assert trajectory.scores.tolist() == scores
        assert trajectory.lost.tolist() == [False, False, True, True, True, True]
    for trajectory in (said(StandingTracker), said(StandingTracker)):
        assert trajectory.scores[0] == 1 and np.isnan(trajectory.scores[1:]).all()
        assert not trajectory.lost.any()
    file = tmp_path / "Doubtful" / "scores" / "A.txt"
    assert file.read_text().splitlines()[:3] == ["1.0000,0", "0.3333,0", "0.1111,1"]
    file.unlink()
    make = Counting()
    archive = Archive(tmp_path / "Doubtful", {})
    evaluate_tracker(make, load_dataset("otb", root, ["A"]), archive=archive)
    assert make.made == 1


def test_what_changed_is_run_again(root, tmp_path):
    def again(settings):
        make = Counting()
        evaluate_tracker(make, load_dataset("otb", root), archive=Archive(tmp_path / "o", settings))
        return make.made

    assert again({"weights_sha256": "a"}) == 3
    assert again({"weights_sha256": "a"}) == 0
    assert again({"weights_sha256": "b"}) == 3
    (tmp_path / "o" / "boxes" / "A.txt").write_text("1,2,3\n")  # damaged
    assert again({"weights_sha256": "b"}) == 1
    (tmp_path / "o" / "boxes" / "B.txt").unlink()
    assert again({"weights_sha256": "b"}) == 1
    (tmp_path / "o" / "times" / "B.txt").unlink()
    assert again({"weights_sha256": "b"}) == 1
    annotation = root / "C" / "groundtruth_rect.txt"
    annotation.write_text(annotation.read_text().replace("\n", "\n7,7,7,7\n", 1))  # another truth
    (root / "C" / "img" / "0007.jpg").write_bytes((root / "C" / "img" / "0001.jpg").read_bytes())
    assert again({"weights_sha256": "b"}) == 1
    (tmp_path / "o" / "progress.json").write_text("{half")
    assert again({"weights_sha256": "b"}) == 3


def test_boxes_file_is_what_benchmarks_read(root, tmp_path):
    dataset = load_dataset("otb", root, ["A"])
    evaluate_tracker(DriftingTracker, dataset, archive=Archive(tmp_path / "o", {}))
    first, second, *_ = (tmp_path / "o" / "boxes" / "A.txt").read_text().splitlines()
    x, y, w, h = walk(6, seed=0)[0]
    assert first == f"{x:.3f},{y:.3f},{w:.3f},{h:.3f}"
    assert second == f"{x + 1 / 3:.3f},{y + 0.25:.3f},{w + 0.125:.3f},{h:.3f}"


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make folder"):
        Archive(tmp_path / "file" / "rbsf", {})


def test_a_tracker_that_throws_is_named_with_the_frame_and_the_rest_goes_on(root):
    class Throwing(StandingTracker):
        def init(self, frame, box):
            super().init(frame, box)
            self.left = 3 if box == Box(*dataset.sequences[1].boxes[0]) else 99

        def update(self, frame):
            self.left -= 1
            if not self.left:
                raise RuntimeError("the target\nis gone")
            return super().update(frame)

    dataset = load_dataset("otb", root)
    results = evaluate_tracker(Throwing, dataset)
    reason = "the tracker failed at frame 4: RuntimeError: the target is gone"
    assert results.dataset.left_out == (("B", reason),)
    assert list(results.scores) == ["A", "C"]
    assert results.dataset.size_text == "2 of 3 sequences"


def test_a_tracker_that_never_starts_has_no_figures(root):
    def make():
        raise OSError("no weights")

    results = evaluate_tracker(make, load_dataset("otb", root))
    assert len(results.dataset.left_out) == 3 and not results.scores
    assert results.fps is None and np.isnan(results.overall.ao)


@pytest.mark.parametrize("protocol", ["sre", "tre"])
def test_a_protocols_runs_are_kept_apart_and_resumed(root, tmp_path, protocol):
    for name in "AB":
        write_otb(root, name, [walk(45, seed=7)], 45)
    dataset = load_dataset("otb", root, ["A", "B"]).under(protocol)
    folder = tmp_path / "o"
    results = evaluate_tracker(DriftingTracker, dataset, archive=Archive(folder, {}))
    starts = 12 if protocol == "sre" else 20
    assert {len(runs) for runs in results.trajectories.values()} == {starts}
    assert len(list((folder / "boxes" / "A").iterdir())) == starts
    again = Counting()
    resumed = evaluate_tracker(again, dataset, archive=Archive(folder, {}))
    assert again.made == 0 and resumed.overall == results.overall
    (folder / "boxes" / "B" / f"{next(iter(results.trajectories['B']))}.txt").unlink()
    evaluate_tracker(again, dataset, archive=Archive(folder, {}))
    assert again.made == 1


def test_speeds_of_another_number_of_threads_are_not_taken_over(root, tmp_path):
    def fps(threads):
        archive = Archive(tmp_path / "o", {}, threads=threads)
        return evaluate_tracker(StandingTracker, load_dataset("otb", root), archive=archive).fps

    assert fps(1) > 0 and fps(1) > 0
    assert fps(2) is None


class Suicidal(StandingTracker):
    """Takes its process with it, as a fault in a rival's C++ does."""

    def update(self, frame):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_ends_the_run_with_one_line(root, tmp_path):
    with pytest.raises(InputError, match="a worker process was killed"):
        evaluate_tracker(Suicidal, load_dataset("otb", root), workers=2)


EVALUATES = """
import os, sys, time
from pathlib import Path
from benchmark_folders import StandingTracker
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.runner import evaluate_tracker
class Slow(StandingTracker):
    def init(self, frame, box):
        super().init(frame, box)
        Path(sys.argv[2], str(os.getpid())).touch()
        time.sleep(60)
if __name__ == "__main__":
    evaluate_tracker(Slow, load_dataset("otb", sys.argv[1]), workers=2)
"""


def is_running(process):
    """Whether a process lives; one that has ended may wait for somebody to ask for its status."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_workers_end_with_the_process_that_started_them(root, tmp_path):
    (tmp_path / "workers").mkdir()
    (tmp_path / "evaluates.py").write_text(EVALUATES)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    with subprocess.Popen(
        [sys.executable, "evaluates.py", root, tmp_path / "workers"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
    ) as process:  # fmt: skip
        while len(found := list((tmp_path / "workers").iterdir())) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    ends = time.monotonic() + 30
    while any(is_running(path.name) for path in found) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(is_running(path.name) for path in found)


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    (tmp_path / "boxes").mkdir()
    with subprocess.Popen(["sleep", "60"]) as running:
        theirs = tmp_path / "boxes" / f".A.txt.{running.pid}.part"
        remains = tmp_path / f".progress.json.{2**22 + 1}.part"  # no process has that number
        theirs.write_text("")
        remains.write_text("")
        Archive(tmp_path, {})
        assert theirs.exists() and not remains.exists()
        running.kill()
