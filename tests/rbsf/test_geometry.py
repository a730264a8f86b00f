"""Boxes and crops: siamfc.md's conventions, and where a pixel of the frame lands in a crop."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rbsf.errors import InputError
from rbsf.geometry import (
    Box,
    Square,
    as_bgr,
    check_box,
    clip_box,
    context_side,
    crop_square,
    crop_square_reference,
    crop_squares,
    from_one_indexed,
    iou,
    mean_color,
    to_one_indexed,
)

sides = st.floats(1, 500)
places = st.floats(-500, 500)
boxes = st.builds(Box, places, places, sides, sides)


def test_centre_of_the_first_pixel_is_the_origin():
    assert Box(0, 0, 1, 1).center == (0, 0)


def test_centre_is_siamfcs_for_one_indexed_boxes():
    """siamfc.md: cx = x - 1 + (w - 1) / 2 for a 1-indexed box."""
    x, y, w, h = 31.0, 12.0, 40.0, 25.0
    ours = Box(*from_one_indexed((x, y, w, h)))
    assert ours.center == (x - 1 + (w - 1) / 2, y - 1 + (h - 1) / 2)


@given(boxes)
def test_a_box_is_its_centre_and_size(box):
    assert Box.from_center(*box.center, box.w, box.h) == pytest.approx(box)


@given(boxes)
def test_indexing_goes_there_and_back(box):
    there = to_one_indexed(box)
    assert there[:2] == pytest.approx([box.x + 1, box.y + 1])
    assert from_one_indexed(there) == pytest.approx(box)


@given(boxes, boxes)
def test_iou_is_symmetric_within_0_and_1_and_1_with_itself(a, b):
    assert 0 <= iou(a, b) <= 1
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert iou(a, a) == pytest.approx(1)


def test_iou_of_known_boxes():
    a = (0, 0, 10, 10)
    others = [(5, 0, 10, 10), (0, 0, 10, 5), (10, 0, 10, 10), (2, 2, 5, 5)]
    assert iou(a, others) == pytest.approx([50 / 150, 0.5, 0, 0.25])


def test_context_side_is_siamfcs():
    p = (30 + 50) / 2
    assert context_side(30, 50) == pytest.approx(math.sqrt((30 + p) * (50 + p)))
    assert context_side(40, 40) == pytest.approx(80)


def test_clip_keeps_what_is_inside():
    assert clip_box(Box(-5, 90, 20, 20), (100, 100)) == (0, 90, 15, 10)
    assert clip_box(Box(200, 0, 20, 20), (100, 100))[2] == 0


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((1, 2, 3), "four numbers"),
        ((1, 2, 3, "a"), "four numbers"),
        ((1, 2, math.nan, 4), "not finite"),
        ((1, 2, math.inf, 4), "not finite"),
        ((1, 2, 0, 4), "positive width"),
        ((1, 2, 4, -1), "positive width"),
        ((100, 2, 4, 4), "outside the frame"),
        ((-4, 2, 4, 4), "outside the frame"),
        ((0.3, 0.2, 0.1, 0.2), "give pixels, not fractions"),
        ((0, 0, 401, 4), "more than 4 times as large as the frame"),
        ((0, 0, 1e300, 1e300), "more than 4 times as large as the frame"),
        (None, "four numbers"),
        ("1234", "four numbers"),
        (([1], [2], [3], [4]), "four numbers"),
        (([1, 2], 2, 3, 4), "four numbers"),
        ((1, 2, 3, 10**400), "four numbers"),
        ({1: 2}, "four numbers"),
        (np.ones((4, 1)), "four numbers"),
    ],
)
def test_boxes_no_tracker_can_start_from(box, why):
    with pytest.raises(InputError, match=why) as error:
        check_box(box, (100, 80))
    assert "100x80" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [tuple, np.array, np.float32, np.int16])
def test_a_box_may_be_any_sequence_or_array_of_numbers(kind):
    box = check_box(kind([3, 4, 50, 60]), (100, 80))
    assert box == (3, 4, 50, 60)
    assert {type(value) for value in box} == {float}


def test_a_box_that_overlaps_the_edge_is_kept_as_it_is():
    assert check_box([-3, -3, 4, 4], (100, 80)) == (-3, -3, 4, 4)


def test_frames_of_other_shapes_become_bgr():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for frame in (grey, grey[..., None]):
        assert np.array_equal(as_bgr(frame), np.dstack([grey] * 3))
    with_alpha = np.dstack([grey, grey + 1, grey + 2, grey])
    assert np.array_equal(as_bgr(with_alpha), with_alpha[..., :3])
    for frame in (grey.astype(float), np.zeros((0, 4, 3), np.uint8), np.zeros((3, 4, 2), np.uint8)):
        with pytest.raises(InputError, match="HxWx3"):
            as_bgr(frame)
    with pytest.raises(InputError, match="the frame is None: check that the video has not ended"):
        as_bgr(None)


def test_mean_colour_is_a_channels_mean():
    frame = np.zeros((2, 2, 3), np.uint8)
    frame[0] = (10, 20, 30)
    assert mean_color(frame) == pytest.approx((5, 10, 15))


def ramp() -> np.ndarray:
    """A frame whose blue is its x and whose green is its y."""
    x, y = np.meshgrid(np.arange(200), np.arange(150))
    return np.dstack([x, y, np.zeros_like(x)]).astype(np.uint8)


@pytest.mark.parametrize("center", [(100, 75), (100.5, 75.25), (70.0, 70.5)])
@pytest.mark.parametrize(("side", "size"), [(60, 127), (127, 127), (90.7, 33), (64, 32)])
def test_a_crops_pixel_looks_where_it_says(center, side, size):
    crop = crop_square(ramp(), center, side, size, (0, 0, 0)).astype(float)
    u = np.arange(size) - (size - 1) / 2
    assert crop[size // 2, :, 0] == pytest.approx(center[0] + u * side / size, abs=0.6)
    assert crop[:, size // 2, 1] == pytest.approx(center[1] + u * side / size, abs=0.6)


def test_outside_the_frame_is_the_fill():
    frame = np.full((50, 50, 3), 200, np.uint8)
    crop = crop_square(frame, (0, 25), 40, 40, (7, 8, 9))
    assert (crop[:, :18] == (7, 8, 9)).all()
    assert (crop[:, 22:] == 200).all()
    nothing = crop_square(frame, (-900, 25), 40, 40, (7, 8, 9))
    assert (nothing == (7, 8, 9)).all()


@given(
    st.lists(
        st.builds(
            Square,
            st.tuples(st.floats(-80, 280), st.floats(-80, 230)),
            st.floats(3, 400),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_crops_taken_together_are_those_taken_alone_in_rgb(squares):
    frame = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    frame, fill = cv2.GaussianBlur(frame, (0, 0), 2), (11.2, 120.0, 230.4)
    crops = crop_squares(frame, squares, 63, fill)
    assert crops.shape == (len(squares), 63, 63, 3)
    for crop, square in zip(crops, squares, strict=True):
        assert np.array_equal(crop, crop_square(frame, *square, 63, fill)[:, :, ::-1])


@pytest.mark.parametrize("center", [(100, 75), (4, 3), (197, 148), (-300, 20)])
def test_the_references_sampling_is_a_padded_patch_resized(center):
    """siamfc-pytorch: whole-pixel corners, mean border, bilinear resize."""
    frame, side, fill = ramp(), 61, (11, 12, 13)
    padded = cv2.copyMakeBorder(frame, 400, 400, 400, 400, cv2.BORDER_CONSTANT, value=fill)
    left, top = (c + 400 - (side - 1) // 2 for c in center)
    expected = cv2.resize(padded[top : top + side, left : left + side], (127, 127))
    assert np.array_equal(crop_square_reference(frame, center, side, 127, fill), expected)
