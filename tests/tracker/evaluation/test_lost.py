"""The lost flag, losses, long-term scores and reliability, against counts made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracker.evaluation.lost import (
    LostFigures,
    Watch,
    auc,
    flag,
    found_again,
    long_term,
    losses,
    reliability,
)

NAN = math.nan


def watch(overlaps: list[float], scores: list[float], lost: list[int] | None = None) -> Watch:
    flags = lost or [0] * len(overlaps)
    return Watch(np.array(overlaps), np.array(scores), np.array(flags, dtype=bool))


def test_the_flag_is_scored_against_frames_that_are_not_held() -> None:
    held = np.array([1, 1, 0, 0, 0, 1], dtype=bool)
    said = np.array([0, 1, 1, 1, 0, 0], dtype=bool)
    assert flag(held, said) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert flag(held, np.zeros(6, dtype=bool)) == (None, 0.0, None)
    assert flag(np.ones(3, dtype=bool), np.ones(3, dtype=bool)) == (0.0, None, None)


def test_an_iou_of_one_half_is_not_held_and_nothing_is_while_the_target_is_absent() -> None:
    assert watch([0.5, 0.51, NAN, 1.0], [1] * 4).held.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("overlaps", "expected"),
    [
        ([0.9, NAN, NAN, 0.8, 0.9], [0]),  # right as soon as it is back
        ([0.9, NAN, 0.0, 0.3, 0.8], [2]),  # two visible frames before it is held
        ([0.9, 0.3, 0.4, 0.9], []),  # a poor box that touches is no loss
        ([0.9, 0.0, 0.0, 0.9, 0.0, 0.6], [2, 1]),  # lost in plain sight, twice
        ([0.9, 0.0, 0.2], [math.inf]),  # never found again
        ([0.9, NAN, 0.1, NAN, 0.7], [1]),  # it goes away again before it is found
        ([0.9, NAN, NAN], []),  # the sequence ends while it is away
        ([], []),
    ],
)
def test_a_loss_lasts_as_long_as_the_target_is_visible_and_not_held(
    overlaps: list[float], expected: list[float]
) -> None:
    assert losses(np.array(overlaps)) == expected


def test_the_median_loss_is_unknown_where_fewer_than_half_end() -> None:
    good = watch([0.9, 0, 0, 0.9, 0, 0.9], [1] * 6)  # 2 and 1
    bad = watch([0.9, 0], [1] * 2)
    assert found_again([good, bad]) == (3, 2, 2)
    assert found_again([good, bad, bad, bad]) == (5, 2, None)
    assert found_again([watch([0.9], [1])]) == (0, 0, None)


def test_long_term_scores_by_hand() -> None:
    run = watch([0.8, 0.6, NAN, 0.0], [0.9, 0.7, 0.2, 0.1])
    found = long_term([run])
    # at 0.7 two boxes count: Pr = 1.4 / 2, Re = 1.4 / 3; any other threshold has a lower F
    assert found[:2] == pytest.approx((0.7, 1.4 / 3))
    assert found.f == pytest.approx(2 * 0.7 * (1.4 / 3) / (0.7 + 1.4 / 3))
    assert found.threshold == 0.7


def test_a_box_that_counts_while_the_target_is_absent_takes_precision_not_recall() -> None:
    sure = long_term([watch([1.0, NAN], [1.0, 1.0])])
    assert sure[:2] == pytest.approx((0.5, 1.0))
    silent = long_term([watch([1.0, NAN], [1.0, 0.0])])
    assert silent[:3] == pytest.approx((1, 1, 1))


def test_runs_weigh_the_same_and_one_without_a_box_that_counts_has_a_precision_of_one() -> None:
    long, short = watch([0.5] * 8, [1.0] * 8), watch([0.3], [0.0])
    # at 1.0: Pr = (0.5 + 1) / 2, Re = (0.5 + 0) / 2: F = 3/8; at 0: Pr = Re = F = 0.4
    assert long_term([long, short]) == pytest.approx((0.4, 0.4, 0.4, 0.0))


def test_without_scores_the_flag_takes_their_place() -> None:
    run = watch([1.0, NAN], [NAN, NAN], [0, 1])
    assert long_term([run])[:3] == pytest.approx((1, 1, 1))
    figures = LostFigures.of([run])
    assert figures.auc is None
    assert figures.reliability == ()


def test_auc_counts_pairs_and_ties_by_half() -> None:
    scores, held = np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1], dtype=bool)
    assert auc(scores, held) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auc(scores, np.ones(4, dtype=bool)) is None


def test_auc_is_the_share_of_ordered_pairs() -> None:
    draw = np.random.default_rng(0)
    scores, held = draw.integers(0, 20, 200) / 20, draw.random(200) < 0.4
    pairs = scores[held][:, None] - scores[~held]
    assert auc(scores, held) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


def test_a_probability_lies_on_the_diagonal() -> None:
    draw = np.random.default_rng(1)
    scores = draw.random(200_000)
    bins = reliability(scores, draw.random(200_000) < scores)
    assert len(bins) == 10
    assert sum(each.frames for each in bins) == 200_000
    for each in bins:
        assert each.held == pytest.approx(each.score, abs=0.02)


def test_a_score_of_one_is_in_the_last_bin_and_empty_bins_are_left_out() -> None:
    bins = reliability(np.array([1.0, 0.95, 0.05]), np.array([1, 0, 0], dtype=bool))
    assert bins == (pytest.approx((0.05, 0, 1)), pytest.approx((0.975, 0.5, 2)))
