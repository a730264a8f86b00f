"""The tracker behind the interface of OpenCV's own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

import rbsf
import tracker
from rbsf.errors import InputError
from rbsf.geometry import iou
from tracker.loop.config import TrackerConfig
from tracker.loop.opencv import OpenCVTracker
from tracker.loop.siamfc_tracker import SiamFCTracker

BOXES = moving_boxes(10)
CLOUDS = background((400, 260))
FRAMES = [paint_target(CLOUDS, box) for box in BOXES]


def followed(one, frames=FRAMES):
    """What any tracker with OpenCV's interface makes of the frames."""
    one.init(frames[0], tuple(round(value) for value in BOXES[0]))
    return [one.update(frame) for frame in frames[1:]]


def test_it_takes_the_place_of_opencvs_tracker():
    ours, theirs = followed(OpenCVTracker(ColourEmbedder())), followed(cv2.TrackerMIL_create())
    for (ok, box), (ok_there, box_there) in zip(ours, theirs, strict=True):
        assert (type(ok), type(box)) == (type(ok_there), type(box_there))
        assert [type(value) for value in box] == [type(value) for value in box_there]
    assert all(ok for ok, _ in ours)
    assert np.min(iou([box for _, box in ours], BOXES[1:])) > 0.6


def test_its_box_is_the_trackers_in_whole_pixels():
    one, other = OpenCVTracker(ColourEmbedder()), SiamFCTracker(ColourEmbedder())
    assert one.getTrackingScore() == 0
    one.init(FRAMES[0], BOXES[0])
    other.init(FRAMES[0], BOXES[0])
    assert one.getTrackingScore() == 1
    for frame in FRAMES[1:]:
        (_, box), track = one.update(frame), other.update(frame)
        assert np.abs(np.subtract(box, track.box)).max() <= 0.5
        assert one.getTrackingScore() == track.score


def test_it_is_not_ok_while_the_target_is_lost():
    config = TrackerConfig(patience=2, research_crops=0)
    results = followed(OpenCVTracker(ColourEmbedder(), config), FRAMES[:3] + [CLOUDS] * 5)
    assert [ok for ok, _ in results] == [True] * 3 + [False] * 4
    assert all(len(box) == 4 for _, box in results)


def test_it_needs_a_start():
    with pytest.raises(InputError, match="init"):
        OpenCVTracker(ColourEmbedder()).update(FRAMES[0])


def test_both_packages_have_it_and_it_runs_the_shipped_network():
    assert rbsf.OpenCVTracker is tracker.OpenCVTracker is OpenCVTracker
    ok, box = followed(rbsf.OpenCVTracker(rbsf.load_embedder()), FRAMES[:2])[0]
    assert ok and iou(box, BOXES[1]) > 0.5
