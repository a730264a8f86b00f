"""Correlation against its definition, and what a peak must and must not say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.loop.config import TrackerConfig
from tracker.loop.response import Peak, correlate, find_peak, hann_window, upsample

DEFAULT, PARITY = TrackerConfig(), TrackerConfig(parity=True)


def bump(row: float, column: float, height: float = 8.0, floor: float = -6.0) -> np.ndarray:
    """A 17 x 17 response with one round peak."""
    y, x = np.mgrid[:17, :17]
    away = (y - row) ** 2 + (x - column) ** 2
    return (floor + (height - floor) * np.exp(-away / 6)).astype(np.float32)


def peak_of(maps: list[np.ndarray], config: TrackerConfig = DEFAULT) -> Peak:
    return find_peak(np.stack(maps), config)


@pytest.mark.parametrize("shape", [(256, 6, 22), (5, 3, 9), (7, 1, 4)])
def test_correlate_is_the_sum_of_products_under_the_exemplar(shape):
    channels, k, s = shape
    rng = np.random.default_rng(0)
    exemplar = rng.standard_normal((channels, k, k)).astype(np.float32)
    searches = rng.standard_normal((3, channels, s, s)).astype(np.float32)
    out = s - k + 1
    expected = np.empty((3, out, out))
    for row in range(out):
        for column in range(out):
            under = searches[:, :, row : row + k, column : column + k]
            expected[:, row, column] = (under * exemplar).sum(axis=(1, 2, 3), dtype=np.float64)
    responses = correlate(exemplar, searches)
    assert responses.dtype == np.float32
    np.testing.assert_allclose(responses, expected, atol=1e-3)


def test_correlate_takes_oblong_and_sliced_features():
    rng = np.random.default_rng(1)
    exemplar = rng.standard_normal((4, 2, 3)).astype(np.float32)
    searches = rng.standard_normal((2, 4, 8, 20)).astype(np.float32)[:, :, :, ::2]
    responses = correlate(exemplar, searches)
    assert responses.shape == (2, 7, 8)
    corner = (searches[1, :, 6:8, 7:10] * exemplar).sum()
    assert responses[1, 6, 7] == pytest.approx(corner, abs=1e-5)


def test_upsampling_keeps_what_is_symmetric_symmetric():
    map_ = upsample(bump(8, 8)[None], 17)[0]
    assert map_.shape == (289, 289)
    assert np.unravel_index(map_.argmax(), map_.shape) == (144, 144)
    np.testing.assert_allclose(map_, map_[::-1, ::-1], atol=1e-3)


def test_upsampling_is_opencvs_bicubic():
    maps = np.random.default_rng(0).standard_normal((3, 17, 17)).astype(np.float32)
    for map_, fine in zip(maps, upsample(maps, 17), strict=True):
        expected = cv2.resize(map_, (289, 289), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(fine, expected, atol=1e-5)


@given(seed=st.integers(0, 10_000), bias=st.sampled_from([0.0, -20.0]))
@settings(max_examples=25)
def test_the_place_is_where_response_and_window_are_highest_together(seed, bias):
    noise = (np.random.default_rng(seed).standard_normal((1, 17, 17)) + bias).astype(np.float32)
    peak = find_peak(noise, DEFAULT)
    fine = upsample(noise, 17)[0].astype(np.float64)
    rise = fine - fine.min()
    v = DEFAULT.window_influence
    mixed = (1 - v) * rise / rise.sum() + v * hann_window(289)
    row, column = 144 + round(peak.dy * 17), 144 + round(peak.dx * 17)
    assert mixed[row, column] == pytest.approx(mixed.max(), rel=1e-5)


def test_hann_window_sums_to_one_and_vanishes_at_the_rim():
    window = hann_window(289)
    assert window.sum() == pytest.approx(1)
    assert window.argmax() == 144 * 289 + 144
    assert window[0].max() == pytest.approx(0, abs=1e-12)


@given(value=st.floats(-50, 50))
@settings(max_examples=20, deadline=None)
def test_a_flat_response_moves_nothing(value):
    assert peak_of([np.full((17, 17), value, np.float32)] * 3) == Peak(1, 0.0, 0.0)


def test_the_references_even_grid_drifts():
    drift = peak_of([np.zeros((17, 17), np.float32)] * 3, PARITY)
    assert (drift.dx, drift.dy) == (-1 / 32, -1 / 32)


@given(row=st.floats(4, 12), column=st.floats(4, 12), best=st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_finds_the_bump_and_its_scale(row, column, best):
    maps = [bump(row, column, height=3.0)] * 3
    maps[best] = bump(row, column, height=9.0)
    peak = peak_of(maps)
    assert peak.crop == best
    assert peak.dy == pytest.approx(row - 8, abs=0.45)
    assert peak.dx == pytest.approx(column - 8, abs=0.45)


@pytest.mark.parametrize("bias", [0.0, -20.0, -300.0])
def test_the_scale_penalty_costs_whatever_the_sign(bias):
    same = [bump(8, 8) + np.float32(bias)] * 3
    assert peak_of(same).crop == 1
    slightly = [bump(8, 8, 8.1), bump(8, 8), bump(8, 8)]
    assert peak_of([m + np.float32(bias) for m in slightly]).crop == 1


def test_the_reference_rewards_negative_peaks():
    assert peak_of([bump(8, 8) - 20] * 3, PARITY).crop != 1


def test_the_window_prefers_the_near_of_two_alike():
    near_and_far = np.maximum(bump(8, 9), bump(8, 15))
    assert peak_of([near_and_far] * 3).dx == pytest.approx(1, abs=0.3)


def test_a_peak_beyond_the_rim_belongs_to_the_last_cell():
    assert Peak(0, 8.47, -8.47).cell((17, 17)) == (0, 16)
    assert Peak(0, 0.4, -1.6).cell((17, 17)) == (6, 8)
