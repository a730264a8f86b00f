"""What the network sees otherwise than it was marked is put right from the second frame on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from perfect_network import PerfectNetwork, frame_with

from rbsf.engine.torch_box import BoxAnswer
from rbsf.geometry import Box, iou
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.box_correction import Correction, CorrectionConfig
from tracker.loop.box_tracker import BoxTracker

MARKED = Box(100, 80, 60, 40)
WHOLE = CorrectionConfig(share=1, tolerance=0)


@given(
    st.floats(0.7, 1.4),
    st.floats(0.7, 1.4),
    st.floats(-0.15, 0.15),
    st.floats(-0.15, 0.15),
)
def test_the_whole_correction_turns_what_was_seen_into_what_was_marked(
    gw: float, gh: float, dx: float, dy: float
) -> None:
    (x, y), w, h = MARKED.center, MARKED.w * gw, MARKED.h * gh
    seen = Box.from_center(x + dx * w, y + dy * h, w, h)
    assert Correction.of(MARKED, seen, WHOLE)(seen) == pytest.approx(MARKED)


def test_a_correction_grows_with_the_box_that_it_is_applied_to() -> None:
    seen = Box(100, 80, 30, 40)  # the left half of what was marked
    box = Correction.of(MARKED, seen, WHOLE)(Box(10, 20, 90, 100))
    assert box == pytest.approx(Box(10, 20, 180, 100))


@pytest.mark.parametrize("error", [1.3, 1 / 1.3])
def test_an_error_is_shrunk_by_the_tolerance_and_a_share_of_it_counts(error: float) -> None:
    seen = Box.from_center(*MARKED.center, MARKED.w / error, MARKED.h)
    got = Correction.of(MARKED, seen, CorrectionConfig(share=0.5, tolerance=0.1))
    assert math.log(got.growth[0]) == pytest.approx(
        math.copysign(0.5 * (math.log(1.3) - 0.1), math.log(error))
    )
    assert got.growth[1] == 1
    moved = Box(MARKED.x - 0.2 * MARKED.w, MARKED.y + 0.1 * MARKED.h, MARKED.w, MARKED.h)
    got = Correction.of(MARKED, moved, CorrectionConfig(share=0.5, tolerance=0.1))
    assert got.shift == pytest.approx((0.5 * (0.2 - 0.05), -0.5 * (0.1 - 0.05)))


def test_errors_within_the_tolerance_change_nothing() -> None:
    seen = Box.from_center(*MARKED.center, MARKED.w * 1.09, MARKED.h / 1.09)
    correction = Correction.of(MARKED, seen, CorrectionConfig(tolerance=0.1))
    assert correction == Correction()
    box = Box(0.1, 0.2, 0.3, 0.7)
    assert correction(box) is box


@pytest.mark.parametrize("seen", [Box(300, 300, 60, 40), Box(math.nan, 80, 60, 40)])
def test_a_network_that_did_not_see_the_target_at_all_corrects_nothing(seen: Box) -> None:
    assert Correction.of(MARKED, seen, WHOLE) == Correction()


class SeesTheUpperHalf(PerfectNetwork):
    """Takes the upper half of what is red for the whole."""

    def search(self, exemplar: Any, crop: Any, believed: Any) -> BoxAnswer:
        answer = super().search(exemplar, crop, believed)
        answer.boxes[1] -= answer.boxes[3] / 4
        answer.boxes[3] /= 2
        return answer


def followed(**correction: float) -> tuple[Box, Box]:
    """The box after some frames in which a target moves and grows, and its true one."""
    how = CorrectionConfig(**correction)
    config = BoxTrackerConfig(correction=how, size_rate=1, shape_kept=0, size_kept=0)
    one = BoxTracker(SeesTheUpperHalf(), config)
    one.init(frame_with(MARKED), MARKED)
    for step in range(1, 12):
        truth = Box(100 + 3 * step, 80 + step, 60 + 2 * step, 40 + step)
        box = one.update(frame_with(truth)).box
    return box, truth


def test_a_tracker_follows_what_was_marked_rather_than_what_its_network_sees() -> None:
    assert iou(*followed(share=1, tolerance=0)) > 0.9
    box, truth = followed(share=0)
    assert iou(box, truth) == pytest.approx(0.5, abs=0.05)
    assert iou(*followed()) > 0.7  # by the defaults, most of it is put right


def test_a_look_at_one_place_is_corrected_too() -> None:
    config = BoxTrackerConfig(correction=WHOLE)
    one = BoxTracker(SeesTheUpperHalf(), config)
    one.init(frame_with(MARKED), MARKED)
    there = Box(120, 90, 60, 40)
    found, _ = one.look(frame_with(there), MARKED)
    assert iou(found, there) > 0.9
    assert np.isfinite(found).all()
