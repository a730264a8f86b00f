"""How doubt gathers from scores, against sums that are taken by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracker.loop.doubt import Doubt


def score(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def verdicts(doubt: Doubt, *logits: float) -> list[bool]:
    return [doubt.is_too_large(score(logit)) for logit in logits]


def test_low_scores_add_up_and_high_ones_take_away() -> None:
    # doubts of 1, 2 - 0.5 = 1.5, 0 and not below, 1.2, 2.2
    assert verdicts(Doubt(0.5, 2.0), -1, -1, 0.5, 9, -1.2, -1) == [False] * 5 + [True]


def test_it_is_counted_from_the_level() -> None:
    level = score(-1)
    assert verdicts(Doubt(level, 1.5), -0.9, -0.9, -0.9, -0.9) == [False] * 4
    assert verdicts(Doubt(level, 1.5), -2.4) == [False]
    assert verdicts(Doubt(level, 1.5), -2.6) == [True]


def test_too_much_stays_too_much() -> None:
    assert verdicts(Doubt(0.5, 1.0), -2, 9, 9) == [True] * 3


def test_with_none_allowed_the_first_low_score_is_too_much() -> None:
    assert not Doubt(0.3, 0.0).is_too_large(0.3)
    assert Doubt(0.3, 0.0).is_too_large(0.2999)


def test_it_is_the_largest_sum_that_ends_now() -> None:
    """Page's closed form: the largest of the sums over the last n scores, or 0."""
    draw = np.random.default_rng(0)
    for _ in range(50):
        logits, level, allowed = draw.normal(0, 1, 30), draw.normal(-0.5), 2.0
        doubt, ended = Doubt(score(level), allowed), False
        for n, logit in enumerate(logits, 1):
            steps = level - logits[:n]
            largest = max(0.0, *(steps[start:].sum() for start in range(n)))
            ended = ended or largest > allowed
            assert doubt.is_too_large(score(logit)) == ended


@pytest.mark.parametrize("allowed", [0.0, 100.0])
def test_scores_and_levels_of_zero_and_one_are_in_order(allowed: float) -> None:
    assert not Doubt(0.0, allowed).is_too_large(0.0)  # no score is below 0
    assert not Doubt(1.0, allowed).is_too_large(1.0)
    assert not Doubt(0.5, allowed).is_too_large(1.0)
    doubt = Doubt(0.5, allowed)
    assert [doubt.is_too_large(0.0) for _ in range(3)][-1]
