"""What a score says, and when a target counts as lost."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.loop.confidence import Confidence, LostFlag
from tracker.loop.config import TrackerConfig
from tracker.loop.response import Peak

HERE = Peak(0, 0.0, 0.0)


def response(peak: float, row: int = 8, column: int = 8, floor: float = -5.0) -> np.ndarray:
    flat = np.full((17, 17), floor, np.float32)
    flat[row, column] = peak
    return flat


def test_the_first_response_scores_one_and_its_surroundings_zero():
    confidence = Confidence(response(7.0))
    assert confidence.score(response(7.0), HERE) == 1.0
    assert confidence.score(response(-5.0), HERE) == 0.0
    assert confidence.score(response(1.0), HERE) == pytest.approx(0.5)


def test_scores_stay_within_their_range():
    confidence = Confidence(response(7.0))
    assert confidence.score(response(40.0), HERE) == 1.0
    assert confidence.score(response(-40.0, floor=-50.0), HERE) == 0.0


def test_a_score_looks_where_the_peak_is():
    confidence = Confidence(response(7.0))
    elsewhere = response(7.0, row=3, column=12)
    assert confidence.score(elsewhere, Peak(0, dx=4.0, dy=-5.0)) == 1.0
    assert confidence.score(elsewhere, HERE) == 0.0


@pytest.mark.parametrize(("gain", "bias"), [(0.01, 0.0), (30.0, 12.0), (1.0, -100.0)])
def test_scores_need_no_calibration(gain, bias):
    def rescaled(peak: float) -> np.ndarray:
        return (response(peak) * gain + bias).astype(np.float32)

    scored = Confidence(rescaled(7.0)).score(rescaled(2.0), HERE)
    assert scored == pytest.approx(Confidence(response(7.0)).score(response(2.0), HERE), abs=1e-5)


def test_an_exemplar_that_does_not_stand_out_scores_zero():
    assert Confidence(response(-5.0)).score(response(-5.0), HERE) == 0.0
    assert Confidence(response(-9.0)).score(response(7.0), HERE) == 0.0


def test_lost_takes_patience_and_found_one_good_frame():
    flag = LostFlag(TrackerConfig(lost_below=0.3, found_above=0.6, patience=3))
    scores = [0.9, 0.1, 0.1, 0.4, 0.2, 0.2, 0.2, 0.5, 0.59, 0.6, 0.2]
    states = [flag.update(score) for score in scores]
    assert states == [False] * 6 + [True] * 3 + [False] * 2
