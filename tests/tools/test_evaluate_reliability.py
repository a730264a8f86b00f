"""An evaluation that is killed, or that meets damage or a full disk, with the real tracker."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmark_folders import walk, write_otb
from tool_runs import ROOT, Ended, ToolRuns, kill_after, tool_runs

from rbsf.files.lock import alone_in

COMMON = ("--threads", "1", "--max-frames", "4", "--rival", "mil")
DIES = """
import os, signal
replace, calls = os.replace, []
def dying(*names):
    calls.append(names)
    if len(calls) == {call} and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = dying
"""
"""Kills the process before or after it puts its Nth file in place."""

FULL = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""No file may grow beyond 100 bytes: the write fails as it does on a full disk."""

VANISHES = """
import os
replace = os.replace
def vanishing(source, target):
    replace(source, target)
    if os.path.exists({image!r}) and "boxes" in str(target):
        os.remove({image!r})
os.replace = vanishing
"""
"""An image goes away once the first boxes are written."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with tool_runs(tmp_path_factory.mktemp("runs")) as runs:
        yield runs


@pytest.fixture(scope="module")
def otb(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("otb"))


def write_scenes(root):
    """Three sequences whose target is a bright patch on noise."""
    rng = np.random.default_rng(0)
    for number, name in enumerate("ABC"):
        boxes = np.clip(walk(8, seed=number), 2, 30) * [4, 4, 2, 2]
        folder = write_otb(root, name, [boxes], 0)
        (folder / "img").mkdir(exist_ok=True)
        noise = rng.integers(0, 90, (192, 256, 3), dtype=np.uint8)
        for index, (x, y, w, h) in enumerate(boxes.astype(int), start=1):
            frame = noise.copy()
            frame[y : y + h, x : x + w] = (40, 200, 250)
            cv2.imwrite(str(folder / "img" / f"{index:04d}.jpg"), frame)
    return root


def evaluate(run, root, output, *words, first=""):
    options = ("--dataset", "otb", "--root", root, "--output", output, *COMMON)
    return run("evaluate", *options, *words, first=first)


def content(output):
    """Every file of a result folder but times, the report and its figures, which show speeds."""
    found = {}
    for path in sorted(output.rglob("*")):
        name = str(path.relative_to(output))
        if path.is_dir() or name.startswith(("figures", "report")) or "times" in name:
            continue
        found[name] = path.read_bytes()
        if path.name == "results.json":
            found[name] = without_times(json.loads(path.read_text()))
    return found


def without_times(figures):
    if not isinstance(figures, dict):
        return figures
    times = {"fps", "date", "command"}
    return {key: without_times(value) for key, value in figures.items() if key not in times}


@pytest.fixture(scope="module")
def left_alone(run, otb, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone") / "out"
    ended = evaluate(run, otb, output)
    assert ended.status == 0, ended.err
    return content(output)


def test_killed_at_every_step_it_ends_with_the_same_bytes(run, otb, left_alone, tmp_path):
    """Each start is killed later than the one before, until one is left alone to the end."""
    output, kills = tmp_path / "out", 0
    for call in range(1, 40):
        killed = evaluate(run, otb, output, first=DIES.format(call=call, before=bool(call % 2)))
        if killed.status == 0:
            break
        assert killed.status == -9, killed.err
        kills += 1
    assert kills >= 5 and killed.status == 0
    assert content(output) == left_alone
    assert not list(output.rglob(".*.part"))


@pytest.mark.parametrize("call", [2, 6])
def test_killed_once_anywhere_it_ends_with_the_same_bytes(run, otb, left_alone, tmp_path, call):
    output = tmp_path / "out"
    for before in (True, False):
        shutil.rmtree(output, ignore_errors=True)
        assert evaluate(run, otb, output, first=DIES.format(call=call, before=before)).status == -9
        assert evaluate(run, otb, output).status == 0
        assert content(output) == left_alone


def test_killed_by_the_clock_it_ends_with_the_same_bytes(run, otb, left_alone, tmp_path):
    output = tmp_path / "out"
    for tenths in (5, 12):
        alarm = f"import signal; signal.setitimer(signal.ITIMER_REAL, {tenths / 10})"
        assert evaluate(run, otb, output, first=alarm).status in {-14, 0}  # SIGALRM kills
    assert evaluate(run, otb, output).status == 0
    assert content(output) == left_alone


def test_killed_beside_its_workers_it_ends_with_the_same_boxes(run, otb, left_alone, tmp_path):
    output = tmp_path / "out"
    killed = evaluate(run, otb, output, "--workers", "2", first=DIES.format(call=5, before=True))
    assert killed.status == -9
    ended = evaluate(run, otb, output, "--workers", "2")
    assert ended.status == 0 and "No fps" in ended.out
    boxes = {name: data for name, data in content(output).items() if "boxes" in name}
    assert boxes == {name: data for name, data in left_alone.items() if "boxes" in name}


def by_two_workers(run: ToolRuns, root: Path, output: Path, first: str = "") -> Ended:
    """Evaluates our tracker alone, which takes less time than beside a rival."""
    words = ("--dataset", "otb", "--root", root, "--output", output, "--max-frames", "4")
    return run("evaluate", *words, "--workers", "2", first=first)


def ended_as_promised(killed: Ended) -> bool:
    """Whether a killed evaluation said what it had to say."""
    last = killed.err.splitlines()[-1:]
    named_the_worker = killed.status == 2 and "error: a worker process was killed" in "".join(last)
    return "Traceback" not in killed.err and (killed.status == -9 or named_the_worker)


def attack_evaluation_with_kills(folder: Path, count: int, seed: int) -> list[str]:
    """Kills evaluations by two workers `count` times, at any moment. Returns what was mishandled.

    Every third time a worker is killed, which must end the command with one line. Each evaluation
    is started again until it ends, and must end with the same files as one that was left alone.
    """
    root = write_scenes(folder / "otb")
    draw, mishandled, kills = random.Random(seed), [], 0
    with tool_runs(folder) as run:
        began = time.monotonic()
        assert by_two_workers(run, root, folder / "whole").status == 0
        seconds, whole = time.monotonic() - began, content(folder / "whole")
        while kills < count and len(mishandled) < 10:
            output, killing = folder / f"run{kills}", True
            while killing:
                killing, a_worker = kills < count and draw.random() < 0.8, draw.random() < 1 / 3
                when = draw.uniform(0, seconds)
                first = kill_after(when, a_worker=a_worker) if killing else ""
                ended = by_two_workers(run, root, output, first)
                killing = killing and ended.status != 0
                kills += killing
                if ended.status != 0 and not (killing and ended_as_promised(ended)):
                    mishandled.append(f"status {ended.status}: {ended.err[-300:]}")
            if content(output) != whole:
                mishandled.append(f"{output.name}: other files than without kills")
            left = [path.name for path in output.rglob(".*")]
            if left:
                mishandled.append(f"{output.name}: {left} stay")
            shutil.rmtree(output, ignore_errors=True)
    return mishandled


def test_workers_and_all_killed_at_any_moment_it_ends_with_the_same_files(tmp_path):
    assert attack_evaluation_with_kills(tmp_path, count=2, seed=1) == []


def test_images_that_vanish_in_the_middle_are_named_and_the_rest_goes_on(
    run, otb, left_alone, tmp_path
):
    root = tmp_path / "otb"
    shutil.copytree(otb, root)
    image = root / "B" / "img" / "0004.jpg"
    output = tmp_path / "out"
    ended = evaluate(run, root, output, first=VANISHES.format(image=str(image)))
    assert ended.status == 1
    last = ended.err.splitlines()[-1]
    assert last.startswith("something is missing: 1 of 3 sequences (B: cannot read image")
    assert str(image) in last
    results = json.loads((output / "rbsf_box" / "results.json").read_text())
    assert list(results["sequences"]) == ["A", "C"] and results["listed"] == 3
    assert [item["sequence"] for item in results["left_out"]] == ["B"]
    assert "2 of 3" in ended.out
    shutil.copy(otb / "B" / "img" / "0004.jpg", image)
    assert evaluate(run, root, output).status == 0
    boxes = {name: data for name, data in content(output).items() if "boxes" in name}
    assert boxes == {name: data for name, data in left_alone.items() if "boxes" in name}


def test_a_disk_that_fills_up_is_named_and_the_rest_goes_on(run, otb, tmp_path):
    root = tmp_path / "otb"
    shutil.copytree(otb, root)
    output = tmp_path / "out"
    words = [ROOT / "tools" / "evaluate.py", "--dataset", "otb", "--root", root]
    full = subprocess.run(
        [sys.executable, "-c", FULL, *map(str, [*words, "--output", output, *COMMON])],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    last = full.stderr.splitlines()[-1]
    assert last.startswith("something is missing: rbsf_box lacks 3 of 3 sequences (A: cannot write")
    assert "File too large" in last and "results.json" in last
    assert not list(output.rglob(".*.part"))
    assert evaluate(run, root, output).status == 0


def test_a_second_evaluation_of_a_tracker_is_refused_by_the_name_of_the_first(run, otb, tmp_path):
    with alone_in(tmp_path / "out" / "mil"):
        ended = evaluate(run, otb, tmp_path / "out")
    assert ended.status == 2
    assert f"out/mil is in use by process {os.getpid()} on" in ended.err
    assert not list((tmp_path / "out").iterdir())


def test_a_rival_that_throws_is_named_and_counted(run, otb, tmp_path):
    throws = """
import cv2
class Throws:
    def __init__(self): self.left = 2
    def init(self, frame, box): pass
    def update(self, frame):
        self.left -= 1
        if not self.left: raise cv2.error("OpenCV(5.0.0) assertion\\nfailed")
        return True, (1, 2, 3, 4)
cv2.TrackerMIL_create = Throws
"""
    output = tmp_path / "out"
    ended = evaluate(run, otb, output, first=throws)
    assert ended.status == 1
    last = ended.err.splitlines()[-1]
    assert last.startswith("something is missing: mil lacks 3 of 3 sequences (A, B, C: the tracker")
    assert "failed at frame 3: error: OpenCV(5.0.0) assertion failed" in last
    assert "0 of 3" in ended.out and "3 of 3" in ended.out
    assert json.loads((output / "mil" / "results.json").read_text())["overall"]["ao"] is None


def test_a_broken_sequence_is_listed_and_the_status_says_so(run, otb, tmp_path):
    root = tmp_path / "otb"
    shutil.copytree(otb, root)
    (root / "A" / "groundtruth_rect.txt").write_text("1,2,3,4\nx\n")
    (root / "Empty").mkdir()
    ended = evaluate(run, root, tmp_path / "out", "--workers", "2")
    assert ended.status == 1
    assert "left out: A: " in ended.err and "line 2: 4 numbers expected" in ended.err
    assert "left out: Empty: " in ended.err
    assert "otb, every sequence found (2 of 4 sequences, first 4 frames" in ended.out


@pytest.mark.parametrize(("protocol", "files"), [("sre", 12), ("tre", 1)])
def test_protocols_run_from_the_command_line(run, otb, tmp_path, protocol, files):
    words = ("--protocol", protocol, "--sequences", "A")
    ended = evaluate(run, otb, tmp_path / "out", *words)
    assert ended.status == 0, ended.err
    assert len(list((tmp_path / "out" / "mil" / "boxes" / "A").iterdir())) == files
    results = json.loads((tmp_path / "out" / "mil" / "results.json").read_text())
    assert results["protocol"] == protocol and "spread" in results["overall"]
    assert f"± over {files} starts" in ended.out


def test_rivals_and_weights_may_follow_each_other(run, otb, tmp_path):
    weights = "rbsf.rbsf"
    from rbsf.embedder import SHIPPED_RBSF

    for name in (weights, "other.rbsf"):
        shutil.copy(SHIPPED_RBSF, tmp_path / name)
    words = (
        "--weights",
        tmp_path / weights,
        tmp_path / "other.rbsf",
        "--rival",
        "mil",
        "--sequences",
        "A",
    )
    ended = evaluate(run, otb, tmp_path / "out", *words)
    assert ended.status == 0, ended.err
    assert {path.parent.name for path in (tmp_path / "out").glob("*/results.json")} == {
        "rbsf",
        "other",
        "mil",
    }
    wrong = evaluate(run, otb, tmp_path / "out", "--rival", "goturn")
    assert wrong.status == 2 and wrong.err.count("\n") == 1 and "unknown rival goturn" in wrong.err
