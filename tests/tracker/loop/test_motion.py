"""Steady motion is foreseen, anything else is not."""

from __future__ import annotations

import numpy as np
import pytest
from tracking_scene import ColourEmbedder, background, paint_target

from rbsf.geometry import Box, iou
from tracker.loop import view
from tracker.loop.config import PUBLISHED, TrackerConfig
from tracker.loop.motion import Motion
from tracker.loop.siamfc_tracker import SiamFCTracker


def steady(*centers):
    motion = Motion(centers[0])
    for center in centers[1:]:
        motion.observe(center, sure=True)
    return motion.steady


@pytest.mark.parametrize(
    ("xs", "ahead"),
    [
        ([5], 0),
        ([5, 9], 0),  # one move is not steady
        ([5, 9, 13], 4),
        ([5, 1, -3], -4),
        ([0, 4, 14], 4),  # faster: no more than lasted
        ([0, 10, 14], 4),  # slower: no more than now
        ([0, 4, 0], 0),  # back and forth
        ([0, 4, 4], 0),  # halted
        ([0, 4, 8, 300], 4),  # a leap
        ([0, 4, 8, 300, 300], 0),
    ],
)
def test_what_the_last_two_moves_agree_on(xs, ahead):
    assert steady(*((x, 7.0) for x in xs)) == (ahead, 0)
    assert steady(*((7.0, x) for x in xs)) == (0, ahead)


def test_each_axis_by_itself():
    assert steady((0, 0), (3, 5), (7, 2)) == (3, 0)


def test_a_doubtful_place_is_no_motion():
    motion = Motion((0, 0))
    for x in (4, 8):
        motion.observe((x, 0), sure=True)
    motion.observe((12, 0), sure=False)
    assert motion.steady == (0, 0)
    motion.observe((16, 0), sure=True)
    assert motion.steady == (0, 0)  # one sure move since
    motion.observe((20, 0), sure=True)
    assert motion.steady == (4, 0)


@pytest.mark.parametrize("motion", [True, False])
def test_a_target_outruns_the_search_square_unless_its_motion_is_foreseen(motion):
    boxes = [Box(30 + 1.5 * t**2, 80, 40, 32) for t in range(26)]
    clouds = background((1100, 200))
    frames = [paint_target(clouds, box) for box in boxes]
    config = TrackerConfig(**PUBLISHED, motion=motion, research_crops=0)
    tracker = SiamFCTracker(ColourEmbedder(), config)
    tracker.init(frames[0], boxes[0])
    tracks = [tracker.update(frame).box for frame in frames[1:]]
    speed, reach = boxes[-1].x - boxes[-2].x, tracker.target.place.exemplar_square.side / 2
    assert speed > 1.5 * reach
    assert (iou(tracks[-1], boxes[-1]) > 0.6) == motion
    if motion:
        assert np.min(iou(tracks, boxes[1:])) > 0.5


def started(frame, box, **settings):
    tracker = SiamFCTracker(ColourEmbedder(), TrackerConfig(**settings))
    tracker.init(frame, box)
    return tracker


def test_a_lost_targets_motion_is_doubtful_until_it_is_found():
    """It comes back, likely enough to be looked at but never found again, and moves steadily."""
    clouds = background((400, 260))
    here = Box(150, 110, 40, 32)
    boxes = [here] * 4 + [None] * 4 + [Box(150 + 6 * t, 110, 40, 32) for t in range(8)]
    frames = [clouds if box is None else paint_target(clouds, box) for box in boxes]
    settings = {"found_above": 1.0, "patience": 2, "research_crops": 0}
    ahead, behind = (
        started(frames[0], here, motion=motion, **settings) for motion in (True, False)
    )
    tracks = [(ahead.update(frame), behind.update(frame)) for frame in frames[1:]]
    back, _ = tracks[-1]
    assert back.lost and back.score >= ahead.config.lost_below
    assert iou(back.box, boxes[-1]) > 0.3  # it did follow
    assert all(a == b for a, b in tracks)


def test_a_blank_frame_carries_a_moving_target_one_move_on_and_no_further():
    boxes = [Box(60 + 8 * t, 110, 40, 32) for t in range(12)]
    clouds = background((400, 260))
    tracker = started(paint_target(clouds, boxes[0]), boxes[0])
    for box in boxes[1:]:
        tracker.update(paint_target(clouds, box))
    x, _ = tracker.target.place.center
    blank = np.full_like(clouds, 127)
    first, second = (tracker.update(blank) and tracker.target.place.center[0] for _ in range(2))
    assert first - x == pytest.approx(8, abs=4)
    assert second == first


def test_the_search_goes_no_further_than_the_frame(monkeypatch):
    looked = []

    def crops(frame, squares, size, fill):
        looked.extend(square.center for square in squares)
        return cut(frame, squares, size, fill)

    cut = view.crop_squares
    monkeypatch.setattr(view, "crop_squares", crops)
    boxes = [Box(170 - 20 * t, 110, 40, 32) for t in range(11)]
    clouds = background((400, 260))
    tracker = started(paint_target(clouds, boxes[0]), boxes[0])
    for box in boxes[1:]:
        tracker.update(paint_target(clouds, box))
    xs = [x for x, _ in looked]
    assert min(xs) == 0  # as far as it may
