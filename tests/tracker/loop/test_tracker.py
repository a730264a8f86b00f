"""A tracker is of the kind that its network is made for: alone, in a group, as OpenCV's."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from perfect_network import PerfectNetwork, frame_with

from rbsf import load_siamfc
from rbsf.errors import InputError
from rbsf.geometry import Box, iou
from tracker import (
    BoxTracker,
    BoxTrackerConfig,
    OpenCVTracker,
    SiamFCTracker,
    Tracker,
    TrackerConfig,
    TrackerGroup,
)

PATH = [Box(100 + 5 * step, 80, 40, 30) for step in range(8)]


def test_the_network_decides_which_tracker_follows() -> None:
    assert isinstance(Tracker(PerfectNetwork()).tracker, BoxTracker)
    assert isinstance(Tracker(load_siamfc(threads=1)).tracker, SiamFCTracker)


def test_settings_of_the_other_kind_are_refused() -> None:
    with pytest.raises(InputError, match="config must be a BoxTrackerConfig or None"):
        Tracker(PerfectNetwork(), TrackerConfig())
    with pytest.raises(InputError, match="config must be a TrackerConfig or None"):
        Tracker(load_siamfc(threads=1), BoxTrackerConfig())
    with pytest.raises(InputError, match="config must be a BoxTrackerConfig or None"):
        TrackerGroup(PerfectNetwork(), TrackerConfig())
    with pytest.raises(InputError, match=r"comes from rbsf\.load_embedder\(\), not from a str"):
        BoxTracker("rbsf_box")  # type: ignore[arg-type]


def test_a_group_follows_boxes_as_its_targets_alone_would() -> None:
    network, frames = PerfectNetwork(), [frame_with(box) for box in PATH]
    group, alone = TrackerGroup(network), Tracker(network)
    assert group.add(frames[0], PATH[0]) == "1"
    alone.init(frames[0], PATH[0])
    group.add(frames[0], (10, 10, 30, 30), name="corner")
    for frame, truth in zip(frames[1:], PATH[1:], strict=True):
        first, _ = group.update(frame)
        assert first == alone.update(frame)
        assert iou(first.box, truth) > 0.8
    group.remove("corner")
    assert len(group.update(frames[-1])) == 1


def test_a_frame_of_another_size_leaves_a_group_where_it_was() -> None:
    group, frames = TrackerGroup(PerfectNetwork()), [frame_with(box) for box in PATH]
    group.init(frames[0], [PATH[0], (10, 10, 30, 30)])
    untouched = copy.deepcopy(group)
    with pytest.raises(InputError, match="size"):
        group.update(np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(InputError, match="size"):
        group.add(np.zeros((50, 60, 3), np.uint8), (10, 10, 20, 20))
    assert group.update(frames[1]) == untouched.update(frames[1])


def test_a_pickled_tracker_goes_on_with_the_same_numbers() -> None:
    tracker, frames = Tracker(PerfectNetwork()), [frame_with(box) for box in PATH]
    tracker.init(frames[0], PATH[0])
    tracker.update(frames[1])
    again = pickle.loads(pickle.dumps(tracker))
    for frame in frames[2:]:
        assert again.update(frame) == tracker.update(frame)


def test_opencvs_names_work_with_boxes() -> None:
    tracker, frames = OpenCVTracker(PerfectNetwork()), [frame_with(box) for box in PATH]
    tracker.init(frames[0], PATH[0])
    ok, box = tracker.update(frames[1])
    assert ok
    assert iou(Box(*box), PATH[1]) > 0.8
