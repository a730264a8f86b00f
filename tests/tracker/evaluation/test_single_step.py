"""Single-step accuracy: the questions' spreads, and trackers whose answers are known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame
from tracker.evaluation.datasets import Sequence
from tracker.evaluation.single_step import Looker, measure_single_step, single_steps, steps_of

BOX = Box(20, 10, 40, 20)


def sequence(folder: Path, frames: int = 31, name: str = "one") -> Sequence:
    """A still target; each frame is a black image."""
    files = tuple(folder / f"{i:04d}.png" for i in range(frames))
    for file in files:
        cv2.imwrite(str(file), np.zeros((60, 80, 3), np.uint8))
    return Sequence(name, files, np.tile(BOX, (frames, 1)).astype(float))


class Stays(Looker):
    """Answers with the believed box."""

    def init(self, frame: Frame, box: Box, /) -> None:
        assert box == BOX

    def look(self, frame: Frame, believed: Box, /) -> tuple[Box, float]:
        return believed, 1.0


class Knows(Stays):
    """Answers the truth."""

    def look(self, frame: Frame, believed: Box, /) -> tuple[Box, float]:
        return BOX, 1.0


def test_every_fifth_frame_is_asked_about(tmp_path: Path) -> None:
    steps = list(steps_of(sequence(tmp_path)))
    assert [step.at for step in steps] == [5, 10, 15, 20, 25, 30]
    assert steps == list(steps_of(sequence(tmp_path)))
    assert steps != list(steps_of(sequence(tmp_path), seed=1))


def test_frames_without_a_box_are_left_out(tmp_path: Path) -> None:
    one = sequence(tmp_path)
    one.boxes[9] = np.nan  # the box before frame 10
    one.boxes[20] = np.nan
    assert [step.at for step in steps_of(one)] == [5, 15, 25, 30]


def test_believed_boxes_are_wrong_by_the_spreads(tmp_path: Path) -> None:
    files = (tmp_path / "none.png",) * 4001
    steps = list(steps_of(Sequence("long", files, np.tile(BOX, (4001, 1)).astype(float))))
    centers = np.array([step.believed.center for step in steps]) - BOX.center
    assert (centers / (BOX.w, BOX.h)).std(axis=0) == pytest.approx([0.09, 0.09], rel=0.1)
    sizes = np.log([step.believed.w / BOX.w for step in steps])
    assert sizes.std() == pytest.approx(0.10, rel=0.1)
    assert all(step.believed.w / step.believed.h == pytest.approx(2) for step in steps)


def test_who_knows_scores_one_and_who_stays_scores_as_staying(tmp_path: Path) -> None:
    one = sequence(tmp_path)
    knows = measure_single_step(Knows, [one])
    assert knows.iou == knows.above_half == 1
    stays = measure_single_step(Stays, [one])
    assert stays.iou == stays.stay == knows.stay
    assert 0.5 < stays.iou < 1


def test_too_short_sequences_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="long enough"):
        measure_single_step(Knows, [sequence(tmp_path, frames=4)])


def test_each_sequence_has_its_figures(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    steps = single_steps(Stays, [sequence(tmp_path), sequence(tmp_path / "b", 12, "two")])
    assert steps.keys() == {"one", "two"}
    mean = measure_single_step(Stays, [sequence(tmp_path), sequence(tmp_path / "b", 12, "two")])
    assert mean.iou == pytest.approx((steps["one"].iou + steps["two"].iou) / 2)
