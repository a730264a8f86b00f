"""Whatever is given as a frame, a box, a name or a network gives one line and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

from rbsf.errors import InputError
from tracker.loop.config import TrackerConfig
from tracker.loop.group import TrackerGroup
from tracker.loop.opencv import OpenCVTracker
from tracker.loop.siamfc_tracker import SiamFCTracker

SIZE = (400, 260)
BOXES = moving_boxes(3)
FRAMES = [paint_target(background(SIZE), box) for box in BOXES]

shapes = arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)
no_frames = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.binary(),
    st.lists(st.lists(st.integers(0, 255))),
    arrays.arrays(st.sampled_from([np.float32, np.int64, np.bool_, "U3", object]), shapes),
    arrays.arrays(np.uint8, shapes).filter(lambda a: a.ndim not in (2, 3) or not a.size),
    arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3)).filter(
        lambda a: a.shape[2] not in (1, 3, 4)
    ),
)
numbers = st.floats() | st.integers()
no_boxes = st.one_of(
    st.none(),
    st.integers(),
    st.text(),
    st.binary(),
    st.sets(st.integers()),
    st.dictionaries(st.text(), st.integers()),
    st.lists(numbers).filter(lambda box: len(box) != 4),
    st.lists(st.none() | st.text() | st.lists(numbers) | numbers, min_size=4, max_size=4).filter(
        lambda box: not all(isinstance(value, int | float) for value in box)
    ),
    st.permutations([np.nan, 50.0, 60.0, 40.0]),
    st.permutations([np.inf, 50.0, 60.0, 40.0]),
    st.tuples(numbers, numbers, st.floats(max_value=0.99), numbers),
    st.tuples(numbers, numbers, numbers, st.floats(min_value=4.01 * SIZE[1])),
    st.tuples(st.floats(min_value=SIZE[0]), numbers, numbers, numbers),
    arrays.arrays(np.float64, arrays.array_shapes().filter(lambda shape: shape != (4,))),
)


def refused(call, *words):
    with pytest.raises(InputError) as error:
        call(*words)
    message = str(error.value)
    assert message and "\n" not in message and len(message) < 300
    return message


@pytest.fixture(scope="module")
def started():
    """A tracker, a group and OpenCV's interface, each one frame after its start."""
    alone, group = SiamFCTracker(ColourEmbedder()), TrackerGroup(ColourEmbedder())
    opencv = OpenCVTracker(ColourEmbedder())
    alone.init(FRAMES[0], BOXES[0])
    group.init(FRAMES[0], BOXES[:1])
    opencv.init(FRAMES[0], BOXES[0])
    return alone, group, opencv


@given(frame=no_frames)
def test_what_is_no_frame_is_refused_everywhere(started, frame):
    alone, group, opencv = started
    calls = [
        (alone.init, BOXES[0]),
        (alone.update,),
        (group.init, BOXES),
        (group.add, BOXES[0]),
        (group.update,),
        (opencv.init, BOXES[0]),
        (opencv.update,),
    ]
    for call, *words in calls:
        assert "frame" in refused(call, frame, *words)


@given(box=no_boxes)
@example(box=[[-2.7598111726770584e147] * 7] * 4)
def test_what_is_no_box_is_refused_everywhere(started, box):
    alone, group, opencv = started
    for call in (alone.init, group.add, opencv.init):
        message = refused(call, FRAMES[0], box)
        assert "box" in message and "the frame is 400x260" in message
    refused(group.init, FRAMES[0], [BOXES[0], box])


@given(boxes=st.none() | st.integers() | st.text() | st.lists(no_boxes))
def test_what_are_no_boxes_is_refused(started, boxes):
    assert "box" in refused(started[1].init, FRAMES[0], boxes)


def test_what_was_refused_has_changed_nothing(started):
    """This runs after the tests above, on their trackers."""
    expected = SiamFCTracker(ColourEmbedder())
    expected.init(FRAMES[0], BOXES[0])
    alone, group, opencv = started
    assert group.names == ["1"]
    track = expected.update(FRAMES[1])
    assert alone.update(FRAMES[1]) == track
    assert group.update(FRAMES[1]) == [track]
    opencv.update(FRAMES[1])
    assert opencv.getTrackingScore() == track.score


@given(st.floats(-1000, 1400), st.floats(-1000, 1300), st.floats(1, 1600), st.floats(1, 1040))
def test_every_other_box_is_tracked_or_lies_outside(x, y, w, h):
    tracker = SiamFCTracker(ColourEmbedder())
    if x + w <= 0 or y + h <= 0 or x >= SIZE[0] or y >= SIZE[1]:
        assert "outside the frame" in refused(tracker.init, FRAMES[0], (x, y, w, h))
    else:
        tracker.init(FRAMES[0], np.array((x, y, w, h)))
        assert np.isfinite(tracker.update(FRAMES[1]).box).all()


def test_a_frame_of_another_size_is_refused_with_both_sizes():
    alone, group = SiamFCTracker(ColourEmbedder()), TrackerGroup(ColourEmbedder())
    alone.init(FRAMES[0], BOXES[0])
    group.init(FRAMES[0], BOXES[:2])
    other = background((300, 260))
    for call, *words in ((alone.update,), (group.update,), (group.add, BOXES[0])):
        message = refused(call, other, *words)
        assert "300x260" in message and "400x260" in message and "init" in message
    assert alone.update(FRAMES[1]).box == group.update(FRAMES[1])[0].box  # both go on
    alone.init(other, BOXES[0])
    alone.update(other)


@pytest.mark.parametrize("kind", [SiamFCTracker, TrackerGroup, OpenCVTracker])
def test_what_is_no_network_or_no_settings_is_refused(kind):
    for embedder in (None, "rbsf.rbsf", len):
        assert "load_embedder" in refused(kind, embedder)
    for config in ({"scales": 3}, "tracker.yaml", TrackerConfig):
        assert "TrackerConfig" in refused(kind, ColourEmbedder(), config)
