"""Intervals against closed forms, and verdicts on cases whose answer is known."""

import math

import numpy as np
import pytest

from tracker.evaluation.report.bootstrap import mean_interval, paired_difference


def test_many_values_give_the_normal_interval():
    values = np.random.default_rng(1).normal(0.5, 0.2, 2000)
    found = mean_interval(values)
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.06 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.06 * half)


def test_ten_values_give_about_students_interval():
    values = np.linspace(0.3, 0.7, 10)
    found = mean_interval(values)
    half = 2.262 * values.std(ddof=1) / math.sqrt(10)  # the table's value for 9 degrees of freedom
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)


def test_two_values_span_everything_the_resamples_can_give():
    found = mean_interval([0.0, 1.0])
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)


def test_equal_values_leave_no_doubt_and_one_value_leaves_all():
    sure = mean_interval([0.25] * 8)
    assert (sure.mean, sure.low, sure.high) == (0.25, 0.25, 0.25)
    single = mean_interval([0.25])
    assert single.mean == 0.25 and math.isnan(single.low) and math.isnan(single.high)


def test_an_interval_of_eight_sequences_holds_the_truth_as_often_as_it_says():
    """The plain percentile interval holds it in about 88% of these cases."""
    samples = np.random.default_rng(2).normal(0.5, 0.2, (300, 8))
    found = [mean_interval(sample) for sample in samples]
    coverage = np.mean([interval.low <= 0.5 <= interval.high for interval in found])
    assert 0.93 <= coverage <= 0.98


def test_the_interval_is_the_same_in_every_run():
    values = np.random.default_rng(3).random(12)
    assert mean_interval(values) == mean_interval(values)


def test_identical_trackers_are_not_better():
    values = np.random.default_rng(4).random(20)
    found = paired_difference(values, values)
    assert found.verdict == "no difference shown"
    assert (found.wins, found.losses, found.count) == (0, 0, 20)
    assert (found.interval.low, found.interval.high) == (0, 0)


def test_a_tracker_that_is_always_ahead_is_better_and_the_other_worse():
    values = np.random.default_rng(5).random(8) * 0.9
    ahead = paired_difference(values + 0.1, values)
    assert ahead.verdict == "better" and (ahead.wins, ahead.losses) == (8, 0)
    assert ahead.interval.low == pytest.approx(0.1) and ahead.interval.high == pytest.approx(0.1)
    assert paired_difference(values, values + 0.1).verdict == "worse"


def test_pairing_sees_what_the_means_alone_hide():
    """The sequences differ by far more than the trackers, yet every one says the same."""
    rng = np.random.default_rng(6)
    hard = rng.uniform(0.1, 0.9, 30)
    first, second = hard + 0.03 + rng.normal(0, 0.02, 30), hard
    apart = mean_interval(first).low > mean_interval(second).high
    assert not apart and paired_difference(first, second).verdict == "better"


def test_a_difference_that_one_sequence_makes_is_not_shown():
    second = np.full(10, 0.5)
    first = second.copy()
    first[0] = 1.0
    found = paired_difference(first, second)
    assert found.interval.mean == pytest.approx(0.05) and found.verdict == "no difference shown"


def test_five_sequences_prove_nothing():
    values = np.array([0.2, 0.3, 0.4, 0.5, 0.6])
    assert paired_difference(values + 0.1, values).verdict == "too few sequences"
