"""From where and with which box SRE and TRE start."""

from pathlib import Path

import numpy as np
import pytest
from benchmark_folders import walk

from rbsf.geometry import Box
from tracker.evaluation.protocols import SHIFTS, runs_of, shifted
from tracker.evaluation.sequence import Sequence

SIZE = (640, 480)
BOX = Box(100, 200, 40, 20)


def sequence(count, absent=()):
    boxes = walk(count) + np.array([20, 20, 0, 0])
    boxes[list(absent)] = np.nan
    return Sequence("a", tuple(Path(f"{number}.jpg") for number in range(count)), boxes)


def test_one_pass_starts_from_the_first_true_box():
    (run,) = runs_of(sequence(5), "ope")
    assert (run.path, run.frames) == ("a", 5)
    assert run.first_box(SIZE) == Box(*sequence(5).boxes[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("left", (96, 200, 40, 20)),
        ("right", (104, 200, 40, 20)),
        ("up", (100, 198, 40, 20)),
        ("down", (100, 202, 40, 20)),
        ("top_left", (96, 198, 44, 22)),
        ("top_right", (100, 198, 44, 22)),
        ("bottom_left", (96, 200, 44, 22)),
        ("bottom_right", (100, 200, 44, 22)),
        ("scale_80", (104, 202, 32, 16)),
        ("scale_90", (102, 201, 36, 18)),
        ("scale_110", (98, 199, 44, 22)),
        ("scale_120", (96, 198, 48, 24)),
    ],
)
def test_first_boxes_of_spatial_robustness(name, expected):
    assert shifted(BOX, SHIFTS[name], SIZE) == pytest.approx(expected)


def test_there_are_twelve_of_them_and_all_start_at_the_first_frame():
    runs = runs_of(sequence(30), "sre")
    assert [run.start.name for run in runs] == list(SHIFTS) and len(runs) == 12
    assert {run.frames for run in runs} == {30}
    assert runs[0].path == "a/left"


def test_a_shifted_box_stays_in_the_image():
    assert shifted(Box(1, 1, 40, 20), SHIFTS["top_left"], SIZE) == pytest.approx((0, 0, 44, 22))
    low = shifted(Box(600, 460, 40, 20), SHIFTS["bottom_right"], SIZE)
    assert low == pytest.approx((600, 460, 40, 20))


def test_temporal_robustness_starts_twenty_times_and_leaves_twenty_frames():
    runs = runs_of(sequence(210), "tre")
    firsts = [run.start.frame for run in runs]
    assert [run.start.name for run in runs] == [f"start_{n:02d}" for n in range(1, 21)]
    assert (firsts[0], firsts[-1], runs[-1].frames) == (0, 190, 20)
    assert set(np.diff(firsts)) <= {9, 10, 11}
    assert runs[3].first_box(SIZE) == Box(*sequence(210).boxes[firsts[3]])


def test_temporal_robustness_starts_as_the_toolbox_does():
    """The toolbox's own formula, 1-indexed: floor(1 : e / 19 : e), then e."""
    count, starts = 500, 20
    end = count - 19
    theirs = [*np.floor(np.arange(1, end, end / (starts - 1))).astype(int), end]
    assert [run.start.frame + 1 for run in runs_of(sequence(count), "tre")] == theirs


def test_no_run_starts_where_the_target_is_absent():
    absent = range(40, 160)
    runs = runs_of(sequence(210, absent), "tre")
    assert len(runs) == 20 and not {run.start.frame for run in runs} & set(absent)


@pytest.mark.parametrize("count", [2, 10, 19, 20, 21, 25])
def test_short_sequences_have_fewer_starts(count):
    runs = runs_of(sequence(count), "tre")
    assert 1 <= len(runs) <= max(1, count - 19)
    assert runs[0].start.frame == 0
