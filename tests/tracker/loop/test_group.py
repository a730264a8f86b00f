"""Several targets share batches and nothing else."""

from __future__ import annotations

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
from tracker.loop.tracker import SiamFCTracker

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
    with pytest.raises(InputError, match="init"):
        group.update(frames[0])
    with pytest.raises(InputError, match="at least one"):
        group.init(frames[0], [])
    with pytest.raises(InputError, match="400x260"):
        group.init(frames[0], [boxes[0], Box(900, 0, 10, 10)])
