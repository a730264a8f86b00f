"""The artificial video: the target stays in the middle, its background moves, its box fits."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.data.synthesis import two_moments
from rbsf.data.thing import Image, Thing

SIZE = (90.0, 50.0)


def red_ellipse(side: int = 319) -> Thing:
    places = np.arange(side) - (side - 1) / 2
    inside = (places / (SIZE[0] / 2)) ** 2 + (places[:, None] / (SIZE[1] / 2)) ** 2 <= 1
    crop = np.full((side, side, 3), 90, np.uint8)
    crop[inside] = (255, 0, 0)
    return Thing(crop, SIZE, (0, 0, side, side))


def ramps(side: int = 319, valid: tuple[int, int, int, int] | None = None) -> Thing:
    """A picture whose green and blue say where one is. Beyond its rim it is red."""
    crop = np.zeros((side, side, 3), np.uint8)
    crop[..., 0] = 255
    left, top, right, bottom = valid or (0, 0, side, side)
    seen = crop[top:bottom, left:right]
    seen[..., 0] = 0
    seen[..., 1] = np.linspace(0, 250, right - left)
    seen[..., 2] = np.linspace(0, 250, bottom - top)[:, None]
    return Thing(crop, (60.0, 60.0), (left, top, right, bottom))


def red_box(pixels: Image) -> tuple[float, float, float, float]:
    red = pixels[..., 0] > 127
    rows, columns = red.any(axis=1), red.any(axis=0)
    places = np.arange(len(pixels)) - (len(pixels) - 1) / 2
    x, y = (places * columns).sum() / columns.sum(), (places * rows).sum() / rows.sum()
    return float(x), float(y), float(columns.sum()), float(rows.sum())


@pytest.mark.parametrize("seed", range(8))
def test_the_box_is_where_the_target_is_seen(seed: int) -> None:
    for moment in two_moments(red_ellipse(), ramps(), np.random.default_rng(seed)):
        assert moment.crop.shape == (319, 319, 3)
        assert red_box(moment.crop) == pytest.approx((0, 0, *moment.size), abs=2.5)


def test_the_first_moment_shows_the_target_as_it_is_and_the_second_changed() -> None:
    draw = np.random.default_rng(0)
    pairs = [two_moments(red_ellipse(), ramps(), draw) for _ in range(60)]
    assert all(first.size == SIZE for first, _ in pairs)
    widths = np.log([second.size[0] / SIZE[0] for _, second in pairs])
    assert 0.06 < widths.std() < 0.14  # 10%, less what a turn hides


def test_both_moments_show_other_parts_of_the_same_photograph() -> None:
    draw, moved = np.random.default_rng(0), []
    for _ in range(20):
        moments = two_moments(red_ellipse(), ramps(), draw)
        first, second = (moment.crop[5, 5, 1:].astype(int) for moment in moments)
        moved.append(np.abs(first - second).max())
    assert np.median(moved) > 20


@pytest.mark.parametrize("seed", range(6))
def test_nothing_of_the_background_is_shown_from_beyond_its_rim(seed: int) -> None:
    other = ramps(valid=(100, 60, 240, 200))
    for moment in two_moments(red_ellipse(), other, np.random.default_rng(seed)):
        # nothing is red but the target
        assert red_box(moment.crop) == pytest.approx((0, 0, *moment.size), abs=2.5)
        assert moment.valid == (0, 0, 319, 319)


def test_the_same_numbers_make_the_same_video() -> None:
    one, again = (two_moments(red_ellipse(), ramps(), np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(a.crop, b.crop) for a, b in zip(one, again, strict=True))
