"""Several targets share batches and nothing else."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tracking_scene import (
    GREEN,
    YELLOW,
    ColourEmbedder,
    background,
    moving_boxes,
    paint_target,
)

from rbsf.errors import InputError
from rbsf.geometry import Box
from tracker.loop.config import TrackerConfig
from tracker.loop.group import TrackerGroup
from tracker.loop.siamfc_tracker import SiamFCTracker

COUNT = 14


@pytest.fixture(scope="module")
def video():
    """Two targets; the second vanishes after a third of the frames."""
    first = moving_boxes(COUNT)
    second = [Box(300, 60 + t, 40, 40) for t in range(COUNT)]
    clouds = background((400, 260))
    frames = [paint_target(clouds, box) for box in first]
    frames = [
        paint_target(frame, box, GREEN, YELLOW) if t < COUNT // 3 else frame
        for t, (frame, box) in enumerate(zip(frames, second, strict=True))
    ]
    return frames, [first[0], second[0]]


def test_a_group_tracks_as_its_targets_alone_would(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    group.init(frames[0], boxes)
    alone = [SiamFCTracker(ColourEmbedder()) for _ in boxes]
    for tracker, box in zip(alone, boxes, strict=True):
        tracker.init(frames[0], box)
    together = [group.update(frame) for frame in frames[1:]]
    for frame, tracks in zip(frames[1:], together, strict=True):
        for tracker, track in zip(alone, tracks, strict=True):
            expected = tracker.update(frame)
            np.testing.assert_allclose(track.box, expected.box, atol=1e-6)
            assert (track.score, track.lost) == (pytest.approx(expected.score), expected.lost)
    assert [track.lost for track in together[-1]] == [False, True]


def test_one_batch_a_frame(video):
    frames, boxes = video
    embedder = ColourEmbedder()
    group = TrackerGroup(embedder, TrackerConfig(research_crops=4))
    group.init(frames[0], boxes)
    assert embedder.batches == [2, 6]  # exemplars, search crops of three scales
    for frame in frames[1:]:
        group.update(frame)
    assert len(embedder.batches) == 2 + len(frames) - 1
    assert embedder.batches[2] == 6
    assert embedder.batches[-1] == 10  # the lost one looks around


def test_a_group_needs_boxes_and_a_start(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    with pytest.raises(InputError, match="init or add"):
        group.update(frames[0])
    with pytest.raises(InputError, match="at least one"):
        group.init(frames[0], [])
    with pytest.raises(InputError, match="400x260"):
        group.init(frames[0], [boxes[0], Box(900, 0, 10, 10)])
    assert group.names == []


def test_targets_come_and_go_and_each_is_tracked_as_it_would_be_alone(video):
    """One joins at frame 3, another leaves at frame 8."""
    frames, boxes = video
    group, alone = TrackerGroup(ColourEmbedder()), {}
    for name, box in zip(("first", "second"), boxes, strict=True):
        assert group.add(frames[0], box, name) == name
        alone[name] = SiamFCTracker(ColourEmbedder())
        alone[name].init(frames[0], box)
    for index, frame in enumerate(frames[1:], 1):
        if index == 8:
            group.remove("first")
            del alone["first"]
        tracks = group.update(frame)
        assert group.names == list(alone)
        for track, tracker in zip(tracks, alone.values(), strict=True):
            assert track == tracker.update(frame)
        if index == 3:
            late = tracks[0].box
            group.add(frame, late, "third")
            alone["third"] = SiamFCTracker(ColourEmbedder())
            alone["third"].init(frame, late)
    assert group.names == ["second", "third"]


def test_added_targets_share_the_batch(video):
    frames, boxes = video
    embedder = ColourEmbedder()
    group = TrackerGroup(embedder)
    for box in boxes:
        group.add(frames[0], box)
    embedder.batches.clear()
    group.update(frames[1])
    assert embedder.batches == [6]


def test_names_are_numbers_where_none_are_given(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    group.init(frames[0], boxes)
    assert group.names == ["1", "2"]
    group.remove("2")
    assert group.add(frames[0], boxes[1]) == "3"  # no number comes twice
    assert group.add(frames[0], boxes[1], "ball") == "ball"
    assert group.add(frames[0], boxes[1]) == "5"
    assert group.names == ["1", "3", "ball", "5"]
    group.init(frames[0], boxes[:1])
    assert group.names == ["1"]


def test_wrong_names_are_refused(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    group.add(frames[0], boxes[0], "ball")
    with pytest.raises(InputError, match="already has a target named 'ball'"):
        group.add(frames[0], boxes[1], "ball")
    for name in ("", 7, ["ball"]):
        with pytest.raises(InputError, match="a text that is not empty"):
            group.add(frames[0], boxes[1], name)
        with pytest.raises(InputError, match=r"no target named .*: ball"):
            group.remove(name)
    assert group.names == ["ball"]


def test_a_group_whose_targets_all_left_finds_none_and_takes_frames_of_any_size(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    group.init(frames[0], boxes[:1])
    group.remove("1")
    assert group.update(frames[1]) == []
    small = background((200, 150))
    group.add(small, Box(20, 20, 30, 30))
    assert len(group.update(small)) == 1


def test_a_pickled_group_goes_on_with_the_same_numbers(video):
    frames, boxes = video
    group = TrackerGroup(ColourEmbedder())
    group.init(frames[0], boxes)
    for frame in frames[1:10]:  # the second target is lost by then
        group.update(frame)
    other = pickle.loads(pickle.dumps(group))
    assert other.names == group.names
    for frame in frames[10:]:
        assert other.update(frame) == group.update(frame)
