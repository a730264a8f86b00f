"""Views: their box is where the target is drawn, whatever was done to the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rbsf.data.box_augment import BoxAugmentSettings, exemplar_view, search_view
from rbsf.data.thing import Image, Thing, rotated_size
from rbsf.geometry import context_side

PLAIN = BoxAugmentSettings(
    size_error=0, aspect_error=0, stretch=0, rotation=0, reach=50, far_reach=50
)
SIZE = (80.0, 40.0)
SCALE = 127 / context_side(*SIZE)


def red_thing(side: int = 399, valid: tuple[int, int, int, int] | None = None) -> Thing:
    """A red rectangle of 80 x 40, scaled as a cached crop is, in the middle of grey."""
    crop = np.full((side, side, 3), 90, np.uint8)
    w, h = (round(s * SCALE) for s in SIZE)
    w, h = w + (side - w) % 2, h + (side - h) % 2
    left, top = (side - w) // 2, (side - h) // 2
    crop[top : top + h, left : left + w] = (255, 0, 0)
    return Thing(crop, (float(w), float(h)), valid or (0, 0, side, side))


def red_box(pixels: Image) -> tuple[float, float, float, float]:
    """Centre from the middle and size of what is red; a picture's mean colour is less red."""
    red = pixels[..., 0].astype(int) - pixels[..., 1] > 127
    rows, columns = red.any(axis=1), red.any(axis=0)
    middle = (len(pixels) - 1) / 2
    places = np.arange(len(pixels)) - middle
    x, y = (places * columns).sum() / columns.sum(), (places * rows).sum() / rows.sum()
    return x, y, columns.sum(), rows.sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("flip", [False, True])
def test_the_box_is_where_the_target_is_seen(seed: int, flip: bool) -> None:
    view = search_view(red_thing(), flip, False, PLAIN, np.random.default_rng(seed))
    assert view.pixels.shape == (255, 255, 3)
    assert red_box(view.pixels) == pytest.approx(view.box, abs=1.0)


@pytest.mark.parametrize("seed", range(6))
def test_stretched_stills_have_their_box_too(seed: int) -> None:
    settings = PLAIN.model_copy(update={"stretch": 0.2, "size_error": 0.15, "aspect_error": 0.1})
    view = search_view(red_thing(), False, True, settings, np.random.default_rng(seed))
    assert red_box(view.pixels) == pytest.approx(view.box, abs=1.5)


def test_video_is_neither_stretched_nor_turned() -> None:
    settings = PLAIN.model_copy(update={"stretch": 0.5, "rotation": 1.0})
    view = search_view(red_thing(), False, False, settings, np.random.default_rng(0))
    thing = red_thing()
    assert view.box[2] / view.box[3] == pytest.approx(thing.size[0] / thing.size[1])


@pytest.mark.parametrize("seed", range(4))
def test_the_search_is_cut_for_the_believed_size(seed: int) -> None:
    settings = PLAIN.model_copy(update={"size_error": 0.3, "aspect_error": 0.3})
    view = search_view(red_thing(), False, False, settings, np.random.default_rng(seed))
    assert context_side(*view.believed) == pytest.approx(127)
    assert red_box(view.pixels)[2:] == pytest.approx(view.box[2:], abs=1.5)


def test_beliefs_are_wrong_by_the_spread_asked_for() -> None:
    settings = PLAIN.model_copy(update={"size_error": 0.14, "aspect_error": 0.1})
    draw = np.random.default_rng(0)
    small = red_thing(131)
    views = [search_view(small, False, False, settings, draw) for _ in range(400)]
    sides = np.log([np.divide(view.believed, view.box[2:]) for view in views])
    assert sides.mean(axis=1).std() == pytest.approx(0.14, rel=0.15)
    assert (sides[:, 0] - sides[:, 1]).std() == pytest.approx(0.1, rel=0.15)


def test_the_target_is_anywhere_within_reach() -> None:
    draw = np.random.default_rng(0)
    places = [search_view(red_thing(131), False, False, PLAIN, draw).box[:2] for _ in range(300)]
    assert np.abs(places).max() <= 50
    assert np.std(places) == pytest.approx(100 / math.sqrt(12), rel=0.1)


def test_a_turned_circle_keeps_its_box_and_a_quarter_turn_swaps_sides() -> None:
    assert rotated_size(30, 30, 0.7) == pytest.approx((30, 30))
    assert rotated_size(80, 40, math.pi / 2) == pytest.approx((40, 80))


def test_the_exemplar_shows_the_target_in_its_middle() -> None:
    thing = red_thing()
    exemplar = exemplar_view(thing, False, np.random.default_rng(0))
    assert exemplar.shape == (127, 127, 3)
    x, y, w, h = red_box(exemplar)
    assert max(abs(x), abs(y)) < 4
    assert (w, h) == pytest.approx(thing.size, rel=0.12)


def test_nothing_is_shown_from_beyond_the_picture() -> None:
    """What the cache filled in is blue here; no view may hold any of it."""
    valid = (120, 140, 300, 290)
    thing = red_thing(valid=valid)
    outside = np.ones(thing.crop.shape[:2], bool)
    outside[valid[1] : valid[3], valid[0] : valid[2]] = False
    thing.crop[outside] = (0, 0, 255)
    for seed in range(12):
        view = search_view(thing, False, True, BoxAugmentSettings(), np.random.default_rng(seed))
        assert (view.pixels[..., 2].astype(int) - view.pixels[..., 1] < 60).all()


def test_a_trimmed_picture_still_shows_the_whole_target() -> None:
    for seed in range(40):
        view = search_view(red_thing(), False, False, PLAIN, np.random.default_rng(seed))
        assert red_box(view.pixels) == pytest.approx(view.box, abs=1.0)
