"""Augmentation: siamfc-pytorch's chain, and whether the offset says where the target is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rbsf.data.augment import Augment, AugmentSettings
from rbsf.data.thing import Thing

OFF = {"stretch": 0, "exemplar_shift": 0, "search_shift": 0}


def thing(crop, size=(64.0, 64.0)):
    return Thing(crop, size, (0, 0, len(crop), len(crop)))


def marked(size=255, target=(64.0, 64.0)):
    """Makes a thing with a bright 9x9 mark in its middle, on a blue-green ramp."""
    ramp = np.broadcast_to(np.linspace(20, 90, size), (size, size))
    crop = np.stack([np.full((size, size), 10), ramp, ramp.T], axis=2).astype(np.uint8)
    middle = size // 2
    crop[middle - 4 : middle + 5, middle - 4 : middle + 5, 0] = 250
    return thing(crop, target)


def mark_of(crop):
    """Where the mark is, as x and y from the centre of the crop."""
    weights = (crop[0].float() - 60).clamp(min=0)
    cells = torch.arange(crop.shape[-1]) - (crop.shape[-1] - 1) / 2
    x, y = (weights.sum(dim=axis) @ cells / weights.sum() for axis in (0, 1))
    return torch.stack([x, y])


def augment(seed=0, size=255, other=None, target=(64.0, 64.0), **changes):
    chain, draw = Augment(AugmentSettings(**{**OFF, **changes})), np.random.default_rng(seed)
    return chain(marked(size, target), marked(size, target), other, draw)


def test_the_defaults_are_the_references():
    s = AugmentSettings()
    assert (s.stretch, s.exemplar_shift, s.search_shift) == (0.05, 4, 4)
    rest = s.model_dump().keys() - {"stretch", "exemplar_shift", "search_shift"}
    assert not any(getattr(s, name) for name in rest)


def test_with_all_off_a_pair_is_the_middle_of_its_crops():
    pair, crop = augment(), torch.from_numpy(marked().crop).permute(2, 0, 1)
    assert torch.equal(pair.exemplar, crop[:, 64:191, 64:191])
    assert torch.equal(pair.search, crop[:, 8:247, 8:247])
    assert pair.offset.tolist() == [0, 0]


@pytest.mark.parametrize("size", [255, 319])
def test_the_references_chain(size):
    """The exemplar has 127 pixels and the search 239, and both are shifted by up to 4 pixels."""
    chain = Augment(AugmentSettings())
    draw, seen = np.random.default_rng(0), []
    for _ in range(60):
        pair = chain(marked(size), marked(size), None, draw)
        assert pair.exemplar.shape == (3, 127, 127) and pair.search.shape == (3, 239, 239)
        assert pair.exemplar.dtype == pair.search.dtype == torch.uint8
        seen.append(torch.cat([mark_of(pair.exemplar), mark_of(pair.search), pair.offset]))
    places = torch.stack(seen)
    # it is half a pixel more where a stretched side and the window differ in parity
    assert places[:, :4].abs().max() <= 4.6
    assert (places[:, :4].max(dim=0).values > 3.4).all()
    assert (places[:, :4].min(dim=0).values < -3.4).all()
    assert set(places[:, 4].tolist()) == set(range(-4, 5))


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.sampled_from([0, 8, 24, 40]),
    st.sampled_from([0, 0.05, 0.2]),
    st.sampled_from([0, 1]),
    st.sampled_from([255, 319]),
)
def test_the_offset_says_where_the_target_is(seed, shift, stretch, flip, size):
    pair = augment(seed, size, search_shift=shift, stretch=stretch, flip=flip)
    assert pair.offset.abs().max() <= shift
    assert mark_of(pair.search) == pytest.approx(pair.offset, abs=0.75)
    assert mark_of(pair.exemplar) == pytest.approx([0, 0], abs=0.75)


def test_stretch_changes_the_scale_by_no_more_than_it_says():
    areas = []
    for seed in range(30):
        pair = augment(seed, stretch=0.2)
        areas.append((pair.search[0].float() - 10).clamp(min=0).sum() / (240 * 81))
    ratio = torch.stack(areas).sqrt()
    assert 0.77 < ratio.min() < 0.85  # the mark is small and resampled, so to within 3%
    assert 1.15 < ratio.max() < 1.23


def test_colour_blur_grey_and_flip_each_do_what_they_say():
    plain = augment()
    assert not torch.equal(augment(colour=0.5).search, plain.search)
    blurred = augment(blur=1)
    assert torch.equal(blurred.exemplar, plain.exemplar)  # only the search is blurred
    edges, sharp = (pair.search[0].float().diff().abs().max() for pair in (blurred, plain))
    assert edges < 0.8 * sharp
    grey = augment(grey=1)
    for crop in (grey.exemplar, grey.search):
        assert torch.equal(crop[0], crop[1]) and torch.equal(crop[1], crop[2])
    flipped = augment(flip=1)
    assert torch.equal(flipped.exemplar, plain.exemplar.flip(-1))
    assert torch.equal(flipped.search, plain.search.flip(-1))


def test_low_resolution_and_jpeg_spoil_the_search_alone():
    plain = augment()
    for name in ("motion_blur", "low_resolution", "jpeg"):
        spoilt = augment(**{name: 1})
        assert torch.equal(spoilt.exemplar, plain.exemplar)
        assert not torch.equal(spoilt.search, plain.search)
        assert mark_of(spoilt.search) == pytest.approx([0, 0], abs=0.5)  # nothing moves


@pytest.mark.parametrize("name", ["blur", "motion_blur", "low_resolution", "jpeg", "grey", "flip"])
def test_a_probability_is_a_share(name):
    plain = augment()
    changed = sum(
        not torch.equal(augment(seed, **{name: 0.3}).search, plain.search) for seed in range(100)
    )
    assert 15 <= changed <= 45


def test_a_crop_too_small_for_its_shift_is_padded_with_its_mean():
    pair = augment(size=255, search_shift=56)
    colours = {tuple(c) for c in pair.search.flatten(1).T.tolist()}
    assert tuple(np.rint(marked(255).crop.mean(axis=(0, 1))).astype(int).tolist()) in colours
    assert pair.search.shape == (3, 239, 239)


def test_the_pixels_of_the_input_are_left_alone():
    one, other = marked(), marked(target=(40.0, 40.0))
    before = one.crop.copy()
    chain = Augment(AugmentSettings(colour=0.3, blur=1, jpeg=1, occlusion=1, flip=1, **OFF))
    chain(one, one, other, np.random.default_rng(0))
    assert np.array_equal(one.crop, before)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([0, 24, 40]), st.sampled_from([0, 1]))
def test_a_distractor_leaves_the_target_free(seed, shift, flip):
    green = np.zeros((255, 255, 3), np.uint8)
    green[..., 1] = 255  # like nothing else here
    other, moves = thing(green, (60.0, 40.0)), {"search_shift": shift, "flip": flip}
    pair = augment(seed, 255, other, (50.0, 70.0), **moves)
    rows, columns = torch.nonzero((pair.search[1] == 255) & (pair.search[0] == 0)).T - 119
    x, y = pair.offset
    assert ((rows - y).abs() > 35 - 4).logical_or((columns - x).abs() > 25 - 4).all()
    assert mark_of(pair.search) == pytest.approx(pair.offset, abs=0.1)  # the mark is not covered
    assert torch.equal(pair.exemplar, augment(seed, **moves).exemplar)


def test_there_is_often_room_for_a_distractor():
    other = thing(np.full((255, 255, 3), 255, np.uint8))
    pairs = [augment(seed, other=other, search_shift=24) for seed in range(100)]
    assert sum(bool((pair.search[0] == 255).any()) for pair in pairs) >= 80


def test_an_occluder_covers_a_part_of_the_search_alone():
    changed = 0
    for seed in range(30):
        pair, plain = augment(seed, occlusion=1), augment(seed)
        assert torch.equal(pair.exemplar, plain.exemplar)
        differs = (pair.search != plain.search).any(dim=0)
        changed += bool(differs.any())
        assert not differs[:80].any() and not differs[160:].any()  # the target ends at 119 +- 32
        assert not differs[:, :80].any() and not differs[:, 160:].any()
    assert changed > 20
