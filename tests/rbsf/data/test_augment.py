"""Augmentation: siamfc-pytorch's chain, and whether the offset says where the target is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rbsf.data.augment import Augment, AugmentSettings

OFF = {
    "stretch": 0, "exemplar_shift": 0, "search_shift": 0, "colour": 0, "blur": 0, "grey": 0,
    "flip": 0,
}  # fmt: skip


def marked(size=255, at=(0, 0)):
    """Makes a crop with a bright 9x9 mark at (x, y) from its centre, on a blue-green ramp."""
    ramp = torch.linspace(20, 90, size).expand(size, size)
    crop = torch.stack([torch.full((size, size), 10.0), ramp, ramp.T]).to(torch.uint8)
    x, y = (size // 2 + a for a in at)
    crop[0, y - 4 : y + 5, x - 4 : x + 5] = 250
    return crop


def mark_of(crop):
    """Where the mark is, as x and y from the centre of the crop."""
    weights = (crop[0].float() - 60).clamp(min=0)
    cells = torch.arange(crop.shape[-1]) - (crop.shape[-1] - 1) / 2
    x, y = (weights.sum(dim=axis) @ cells / weights.sum() for axis in (0, 1))
    return torch.stack([x, y])


def augment(seed=0, size=255, **changes):
    torch.manual_seed(seed)
    return Augment(AugmentSettings(**{**OFF, **changes}))(marked(size), marked(size))


def test_the_defaults_are_the_references():
    s = AugmentSettings()
    assert (s.stretch, s.exemplar_shift, s.search_shift) == (0.05, 4, 4)
    assert (s.colour, s.blur, s.grey, s.flip) == (0, 0, 0, 0)


def test_with_all_off_a_pair_is_the_middle_of_its_crops():
    pair, crop = augment(), marked()
    assert torch.equal(pair.exemplar, crop[:, 64:191, 64:191])
    assert torch.equal(pair.search, crop[:, 8:247, 8:247])
    assert pair.offset.tolist() == [0, 0]


@pytest.mark.parametrize("size", [255, 319])
def test_the_references_chain(size):
    """The exemplar has 127 pixels and the search 239, and both are shifted by up to 4 pixels."""
    chain = Augment(AugmentSettings())
    torch.manual_seed(0)
    seen = []
    for _ in range(60):
        pair = chain(marked(size), marked(size))
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


@pytest.mark.parametrize("name", ["blur", "grey", "flip"])
def test_a_probability_is_a_share(name):
    plain = augment()
    changed = sum(
        not torch.equal(augment(seed, **{name: 0.3}).search, plain.search) for seed in range(100)
    )
    assert 15 <= changed <= 45


def test_a_crop_too_small_for_its_shift_is_padded_with_its_mean():
    pair = augment(size=255, search_shift=56)
    colours = {tuple(c) for c in pair.search.flatten(1).T.tolist()}
    mean = tuple(marked(255).float().mean(dim=(1, 2)).int().tolist())
    assert mean in colours
    assert pair.search.shape == (3, 239, 239)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([0, 24, 40]))
def test_a_distractor_is_the_other_targets_middle_beside_this_one(seed, shift):
    other = torch.zeros(3, 255, 255, dtype=torch.uint8)
    other[1] = 255  # green, like nothing else here
    other[:, :80] = other[:, 175:] = other[:, :, :80] = other[:, :, 175:] = 77  # around its middle
    torch.manual_seed(seed)
    pair = Augment(AugmentSettings(**{**OFF, "search_shift": shift}))(marked(), marked(), other)
    green = (pair.search[1] == 255) & (pair.search[0] == 0)
    rows, columns = green.any(dim=1).nonzero(), green.any(dim=0).nonzero()
    assert not (pair.search == 77).all(dim=0).any()
    if len(rows):  # sometimes there is no room for it
        sides = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
        assert green.sum() == sides[0] * sides[1] and sides[0] == sides[1]
        assert 48 <= sides[0] <= 88
    assert mark_of(pair.search) == pytest.approx(pair.offset, abs=0.1)  # the mark is not covered
    plain = augment(seed, search_shift=shift)
    assert torch.equal(pair.exemplar, plain.exemplar)


def test_there_is_nearly_always_room_for_a_distractor():
    other = torch.full((3, 255, 255), 255, dtype=torch.uint8)
    chain = Augment(AugmentSettings(**{**OFF, "search_shift": 24}))
    torch.manual_seed(0)
    pairs = [chain(marked(), marked(), other) for _ in range(100)]
    placed = sum(bool((pair.search[0] == 255).any()) for pair in pairs)
    assert placed >= 90
