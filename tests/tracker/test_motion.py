"""Steady motion is foreseen, anything else is not."""

from __future__ import annotations

import numpy as np
import pytest
from tracking_scene import ColourEmbedder, background, paint_target

from rbsf.geometry import Box, iou
from tracker.config import TrackerConfig
from tracker.motion import Motion
from tracker.tracker import SiamFCTracker


def steady(*centers, sure=True):
    motion = Motion(centers[0])
    for center in centers[1:]:
        motion.heed(center, sure)
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
        motion.heed((x, 0), sure=True)
    motion.heed((12, 0), sure=False)
    assert motion.steady == (0, 0)
    motion.heed((16, 0), sure=True)
    assert motion.steady == (0, 0)  # one sure move since
    motion.heed((20, 0), sure=True)
    assert motion.steady == (4, 0)


@pytest.mark.parametrize("motion", [True, False])
def test_a_target_outruns_the_search_square_unless_its_motion_is_foreseen(motion):
    boxes = [Box(30 + 1.5 * t**2, 80, 40, 32) for t in range(26)]
    clouds = background((1100, 200))
    frames = [paint_target(clouds, box) for box in boxes]
    config = TrackerConfig(motion=motion, research_crops=0)
    tracker = SiamFCTracker(ColourEmbedder(), config)
    tracker.init(frames[0], boxes[0])
    tracks = [tracker.update(frame).box for frame in frames[1:]]
    speed, reach = boxes[-1].x - boxes[-2].x, tracker.target.side / 2
    assert speed > 1.5 * reach
    assert (iou(tracks[-1], boxes[-1]) > 0.6) == motion
    if motion:
        assert np.min(iou(tracks, boxes[1:])) > 0.5
