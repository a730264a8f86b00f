"""Figures known by hand; the toolkit's own are in test_toolkit_parity.py."""

import math

import numpy as np
import pytest

from tracker.evaluation.metrics import DISTANCES, OVERLAPS, Scores, compare


def test_overlap_must_exceed_a_threshold_and_distance_may_meet_it():
    truth = np.tile([10.0, 10.0, 10.0, 10.0], (3, 1))
    predicted = truth.copy()
    predicted[1] = [10, 10, 10, 5]  # IoU exactly 0.5
    predicted[2] = [10 + 12, 10 + 16, 10, 10]  # centre exactly 20 px away
    comparison = compare(predicted, truth)
    assert comparison.overlaps == pytest.approx([1, 0.5, 0], abs=1e-12)
    assert comparison.distances == pytest.approx([0, 2.5, 20])
    assert comparison.success_curve[OVERLAPS == 0.5] == pytest.approx(1 / 3)
    assert comparison.success_curve[0] == pytest.approx(2 / 3)
    assert comparison.precision_curve[DISTANCES == 20] == 1
    assert comparison.precision_curve[DISTANCES == 19] == pytest.approx(2 / 3)
    # 20 of 21 thresholds lie below 1, 10 below 0.5
    assert comparison.scores == Scores(0.25, 0.0, 0.0, pytest.approx(30 / 63), 1.0, 1 / 3)


def test_given_frame_counts_for_success_but_not_for_ao():
    truth = np.array([[1.0, 1, 8, 8], [1, 1, 8, 8]])
    scores = compare([[1, 1, 8, 8], [31, 31, 8, 8]], truth).scores
    assert (scores.ao, scores.sr50, scores.sr75) == (0, 0, 0)
    assert scores.success_auc == pytest.approx(0.5 * 20 / 21)
    assert scores.precision_20px == 0.5


def test_rates_count_frames_above_their_overlap():
    truth = np.tile([1.0, 1, 10, 10], (5, 1))
    heights = [10, 10, 7.5, 8, 4.5]  # IoU 1, 1, .75 (which is not above .75), .8, .45
    scores = compare([[1, 1, 10, height] for height in heights], truth).scores
    assert (scores.ao, scores.sr50, scores.sr75) == pytest.approx((0.75, 0.75, 0.5))


def test_frames_without_a_true_box_are_skipped():
    truth = np.array([[1.0, 1, 8, 8], [np.nan] * 4, [1, 1, 8, 8]])
    predicted = [[1, 1, 8, 8], [50, 50, 8, 8], [1, 1, 8, 8]]
    assert compare(predicted, truth).scores.ao == pytest.approx(1)


def test_a_box_that_is_not_finite_is_a_miss():
    truth = np.tile([1.0, 1, 8, 8], (3, 1))
    scores = compare([[1, 1, 8, 8], [np.nan] * 4, [1, 1, 8, 8]], truth).scores
    assert scores.ao == pytest.approx(0.5)
    assert scores.precision_20px == pytest.approx(2 / 3)


def test_bounds_cut_both_boxes_as_the_server_does():
    truth, predicted = np.array([[50.0, 0, 40, 10]]), np.array([[50.0, 0, 20, 10]])
    assert compare(predicted, truth).overlaps == pytest.approx([0.5])
    assert compare(predicted, truth, bounds=(60, 48)).overlaps == pytest.approx([1])
    # left of the image: moved, not shortened
    assert compare([[-10.0, 0, 20, 10]], [[0.0, 0, 20, 10]], (60, 48)).overlaps == pytest.approx(
        [1]
    )


def test_mean_weighs_sequences_alike():
    mean = Scores.mean([Scores(0, 0, 0, 0, 0, 0), Scores(1, 0.5, 0.25, 0.5, 1, 0.2)])
    assert mean == Scores(0.5, 0.25, 0.125, 0.25, 0.5, 0.1)
    assert all(math.isnan(value) for value in vars(Scores.mean([])).values())


def test_normalised_precision_measures_in_sizes_of_the_true_box():
    truth = np.tile([10.0, 10.0, 100.0, 20.0], (4, 1))
    offsets = np.array([[0, 0, 0, 0], [20, 0, 0, 0], [0, 5, 0, 0], [12, 3.2, 0, 0]])
    predicted = truth + offsets
    comparison = compare(predicted, truth)
    assert comparison.normalised == pytest.approx([0, 0.2, 0.25, 0.2])
    assert comparison.scores.norm_precision >= 0.5
    assert comparison.norm_precision_curve[20] == comparison.scores.norm_precision
    assert comparison.norm_precision_curve[25] == 1
