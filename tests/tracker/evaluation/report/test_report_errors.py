"""The sources of error on boxes whose overlaps can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.evaluation.report.errors import ErrorSources, error_sources

START = [10, 10, 20, 20]


def test_a_box_of_half_the_size_at_the_true_centre_errs_in_size_alone():
    found = error_sources([START, [15, 10, 10, 20]], [START, START])
    assert found.ao == pytest.approx(0.5)
    assert found.ao_true_size == pytest.approx(1) and found.ao_true_center == pytest.approx(0.5)
    assert (found.lost_away, found.lost_center) == (0, pytest.approx(0))
    assert found.lost_size == pytest.approx(0.5) and found.ranked[0][0] == "lost_size"


def test_a_shifted_box_of_the_true_size_errs_in_its_centre_alone():
    found = error_sources([START, [20, 10, 20, 20]], [START, START])
    assert found.ao == pytest.approx(1 / 3)
    assert found.ao_true_size == pytest.approx(1 / 3) and found.ao_true_center == pytest.approx(1)
    assert found.lost_center == pytest.approx(2 / 3) and found.lost_size == pytest.approx(0)
    assert found.ranked[0][0] == "lost_center"


def test_a_box_that_does_not_touch_is_off_target_whatever_its_size():
    found = error_sources([START, [60, 10, 5, 5], START], [START, START, START])
    assert (found.off_target, found.lost_away, found.center_outside) == (0.5, 0.5, 0.5)
    assert (found.lost_center, found.lost_size) == (0, 0) and found.ranked[0][0] == "lost_away"
    assert found.ao_true_center == pytest.approx((25 / 400 + 1) / 2)


def test_a_centre_can_be_outside_while_the_boxes_touch():
    found = error_sources([START, [25, 10, 20, 20]], [START, START])
    assert found.center_outside == 1 and found.off_target == 0
    assert error_sources([START, [19, 10, 20, 20]], [START, START]).center_outside == 0


def test_the_first_frame_and_frames_without_a_target_do_not_count():
    gone = [np.nan] * 4
    found = error_sources([[90, 90, 1, 1], START, [70, 70, 9, 9]], [START, START, gone])
    assert found.ao == 1 and found.off_target == 0


def test_a_tracker_that_gives_no_box_is_off_target():
    found = error_sources([START, [np.nan] * 4], [START, START])
    assert (found.ao, found.off_target, found.center_outside) == (0, 1, 1)
    assert (found.ao_true_size, found.ao_true_center) == (0, 0)


def test_boxes_are_cut_to_the_image_where_the_benchmark_does():
    """Both boxes reach 10 pixels beyond an image 25 wide, so that those pixels are cut away."""
    true, box = [16, 10, 20, 20], [18, 10, 20, 20]
    assert error_sources([true, box], [true, true]).ao == pytest.approx(18 / 22)
    assert error_sources([true, box], [true, true], (25, 60)).ao == pytest.approx(7 / 9)


box = st.tuples(*[st.floats(1, 50)] * 2, *[st.floats(2, 40)] * 2)


@given(st.lists(st.tuples(box, box), min_size=2, max_size=8))
def test_the_parts_add_up_and_none_is_negative(frames):
    predicted, truth = zip(*frames, strict=True)
    found = error_sources(predicted, truth)
    parts = (found.lost_away, found.lost_center, found.lost_size)
    assert found.ao + sum(parts) == pytest.approx(1)
    assert min(parts) > -1e-9


def test_the_mean_weighs_sequences_the_same():
    long = error_sources([START] * 9, [START] * 9)
    short = error_sources([START, [15, 10, 10, 20]], [START, START])
    assert ErrorSources.mean([long, short]).ao == pytest.approx(0.75)


def test_the_advice_names_the_largest_part_first():
    size_alone = error_sources([START, [15, 10, 10, 20]], [START, START]).advice("rbsf")
    assert size_alone.startswith("rbsf misses 0.50 of a perfect overlap: 0.50 because the box has")
    assert size_alone.endswith("The next improvement is a better estimate of the size.")


def test_the_advice_names_two_parts_where_they_weigh_about_the_same():
    both = ErrorSources(0.4, 0.6, 0.6, 0.2, 0.1, 0.1, 0.26, 0.24).advice("rbsf")
    assert (
        "The next improvement is locating the centre more finely. Nearly as much is to be" in both
    )
