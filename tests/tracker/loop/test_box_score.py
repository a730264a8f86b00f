"""The score of a box against its closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracker.loop.box_decision import Decision
from tracker.loop.box_score import Score, ScoreConfig, probability

CONFIG = ScoreConfig(bias=-1, quality=2, margin=0.25, recent=1)


def decision(quality: float, margin: float = 0) -> Decision:
    return Decision((0, 0, 10, 10), 0.5, quality, margin)


def test_the_first_answer_is_its_own_past() -> None:
    logit = -1 + 2 * 0.2 + 0.25 * 4 + 0.2
    assert Score(CONFIG).of(decision(0.2, 4)) == pytest.approx(1 / (1 + math.exp(-logit)))


def test_the_mean_goes_over_the_last_three_answers() -> None:
    score = Score(CONFIG)
    for quality in (50.0, 1.0, 2.0):
        score.remember(decision(quality))
    assert score.evidence(decision(6)).recent == pytest.approx((1 + 2 + 6) / 3)
    assert score.evidence(decision(6)).recent == pytest.approx(3)  # asking changes nothing


def test_extreme_evidence_stays_a_probability() -> None:
    found = probability(CONFIG, np.array([[1e6, 0, 0], [-1e6, 0, 0]]))
    assert found == pytest.approx([1, 0], abs=1e-12)
    assert np.isfinite(found).all()
