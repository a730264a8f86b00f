"""Pairs: SiamFC's filter and draw, the shares of sources, and what the order depends on."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import write_got10k, write_plain, write_voc

from rbsf.data import DataSettings, PairDataset, open_pairs
from rbsf.data.augment import AugmentSettings
from rbsf.data.crops import CachedTarget
from rbsf.data.pairs import FilterSettings
from rbsf.errors import InputError


def target(boxes, size=(1000, 1000), cover=8.0, frames=None):
    """Makes a cached target without crops."""
    boxes = np.array([(0, 0, *sides) for sides in boxes], np.float32)
    n = len(boxes)
    return CachedTarget(
        "t", Path(), boxes, np.array([size] * n), np.broadcast_to(np.float32(cover), n),
        np.arange(n) if frames is None else np.array(frames), n == 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sides", "size", "kept"),
    [
        ((100, 100), (1000, 1000), True),
        ((20, 20), (1000, 1000), True),
        ((19.9, 30), (1000, 1000), False),  # w, h >= 20
        ((30, 19.9), (1000, 1000), False),
        ((500, 400), (2000, 2000), True),
        ((501, 400), (2000, 2000), False),  # <= 500
        ((20, 20), (2000, 2000), True),
        ((20, 20), (2001, 1000), False),  # w / W >= 0.01
        ((20, 20), (1000, 2001), False),
        ((100, 100), (200, 200), True),
        ((101, 100), (200, 400), False),  # w / W <= 0.5
        ((100, 101), (400, 200), False),
        ((80, 20), (1000, 1000), True),
        ((81, 20), (1000, 1000), False),  # w / h <= 4
        ((20, 81), (1000, 1000), False),  # w / h >= 0.25
    ],
)
def test_filter_is_siamfcs(sides, size, kept):
    assert (len(FilterSettings().keep(target([sides], size))) == 1) == kept


@pytest.mark.parametrize(
    ("cover", "kept"),
    [([8, 2, 3, 8], [0, 2, 3]), ([3, 1, 2, 0], [0, 2]), ([1, 1, 1, 1], []), ([0, 0, 0, 0], [])],
)
def test_frames_seen_at_more_than_30_percent_of_their_best_and_more_than_1(cover, kept):
    fit = FilterSettings().keep(target([(50, 50)] * 4, cover=cover))
    assert fit.tolist() == kept


def dataset(groups, **changes):
    sources = [{"path": f"s{n}", "weight": w} for n, (_, w) in enumerate(groups)]
    settings = DataSettings(sources=sources, **changes)
    return PairDataset([g for g, _ in groups], [w for _, w in groups], settings, seed=0)


def draws(frames, count=400, **changes):
    one = target([(50, 50)] * len(frames), frames=frames)
    pairs = dataset([([one], 1.0)], **changes)
    kept, draw = pairs.settings.filter.keep(one), np.random.default_rng(0)
    return [tuple(np.array(frames)[list(pairs._draw(one, kept, draw))]) for _ in range(count)]


def test_two_distinct_frames_exemplar_first_less_than_100_apart():
    drawn = draws([0, 10, 99, 100, 250])
    assert set(drawn) == {(0, 10), (0, 99), (10, 99), (10, 100), (99, 100), (250, 250)}


def test_a_photograph_is_paired_with_itself():
    assert set(draws([0], 5)) == {(0, 0)}


def test_siamfcs_epoch_is_one_pair_a_sequence():
    usable = [target([(50, 50)] * 5) for _ in range(7)]
    pairs = dataset([([*usable, target([(5, 5)])], 1.0)])
    assert len(pairs) == 7
    for epoch in range(3):
        pairs.set_epoch(epoch)
        assert sorted(number for _, number in pairs.plan) == list(range(7))


@pytest.mark.parametrize("total", [1, 3, 40, 1000])
def test_sources_are_mixed_by_weight_and_each_targets_turn_comes(total):
    groups = [([target([(50, 50)]) for _ in range(n)], w) for n, w in ((5, 6.0), (30, 2), (7, 2))]
    pairs = dataset(groups, pairs_per_epoch=total)
    assert len(pairs) == total
    shares = Counter(group for group, _ in pairs.plan)
    for index, (group, weight) in enumerate(groups):
        assert shares[index] == pytest.approx(total * weight / 10, abs=1)
        turns = Counter(number for g, number in pairs.plan if g == index)
        if shares[index] >= len(group):
            assert max(turns.values()) - min(turns[n] for n in range(len(group))) <= 1


def test_a_source_without_a_usable_frame_is_named():
    with pytest.raises(InputError, match=r"no frame of s1 passes data\.filter"):
        dataset([([target([(50, 50)])], 1.0), ([target([(5, 5)])], 1.0)])


def test_targets_that_are_left_out_are_remarked_on_and_nothing_is_printed(capsys):
    good, small = target([(50, 50)]), target([(5, 5)])
    pairs = dataset([([good], 1.0), ([good, small], 1.0), ([small, good, small], 1.0)])
    assert pairs.remarks == [
        "s1: 1 of 2 targets has no frame that passes data.filter",
        "s2: 2 of 3 targets have no frame that passes data.filter",
    ]
    assert capsys.readouterr() == ("", "")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The settings of three sources with every augmentation switched on."""
    root = tmp_path_factory.mktemp("data")
    write_got10k(root, sequences=2, frames=4), write_voc(root, 2), write_plain(root, 2)
    return DataSettings(
        root=str(root),
        cache=str(root / "cache"),
        sources=[
            {"kind": "got10k", "path": "got10k", "weight": 2},
            {"kind": "voc", "path": "voc"},
            {"kind": "folder", "path": "plain"},
        ],
        pairs_per_epoch=8,
        augment={
            "colour": 0.3, "blur": 0.5, "grey": 0.3, "flip": 0.5, "search_shift": 8,
            "distractor": 0.5, "occlusion": 0.5, "jpeg": 0.3, "synthesis": 0.5,
        },
    )  # fmt: skip


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_pair_follows_from_seed_epoch_and_index_alone(real):
    pairs, again = open_pairs(real, seed=3), open_pairs(real, seed=3)
    again.set_epoch(5)
    torch.manual_seed(99)
    assert same(again[4], again[4])
    again.set_epoch(0)
    for index in (7, 0, 3):  # in any order
        assert same(pairs[index], again[index])
    first, plan = pairs[0], pairs.plan
    pairs.set_epoch(1)
    pairs.plan = plan  # the same target, but drawn and augmented differently
    assert not same(first, pairs[0])
    other = open_pairs(real, seed=4)
    other.plan = plan
    assert not same(first, other[0])


def test_a_pair_leaves_the_global_generator_alone(real):
    pairs = open_pairs(real, seed=3)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    pairs[0]
    assert torch.equal(torch.rand(3), expected)


def test_a_distractor_is_another_target_of_the_source(real):
    pairs = open_pairs(real, seed=3)
    group, draw = pairs.groups[0], np.random.default_rng(0)
    assert len({target.name for target, _ in group}) == 2
    crops = [group[1][0].crop(i) for i in range(4)]
    drawn = [pairs._distractor(0, 0, draw) for _ in range(20)]
    assert all(any(np.array_equal(other.crop, crop) for crop in crops) for other in drawn)


def test_a_target_alone_in_its_source_has_no_distractor():
    draw = np.random.default_rng(0)
    assert dataset([([target([(50, 50)])], 1.0)])._distractor(0, 0, draw) is None


def test_one_sequence_in_so_many_is_held_out_and_no_photograph():
    videos, photos = [target([(50, 50)] * 3) for _ in range(17)], [target([(50, 50)])] * 9
    assert len(dataset([(videos, 1.0), (photos, 1.0)], hold_out=8)) == 14 + 9
    assert len(dataset([(videos, 1.0), (photos, 1.0)])) == 17 + 9


def test_scenes_tell_sequences_and_photographs_apart_over_all_sources(real):
    pairs = open_pairs(real, seed=3)
    scenes = {
        (group, number): pairs._scene(group, number)
        for group, targets in enumerate(pairs.groups)
        for number in range(len(targets))
    }
    assert len(set(scenes.values())) == len(scenes)
    assert {int(pairs[index].scene) for index in range(8)} <= set(scenes.values())


def test_only_boxed_photographs_become_artificial_videos(real):
    """Both moments of such a video show the target on another photograph; all else is as it was."""
    changed = {"got10k": 0, "voc": 0, "folder": 0}
    off, on = (
        real.model_copy(update={"augment": AugmentSettings(synthesis=share), "pairs_per_epoch": 16})
        for share in (0, 1)
    )
    plain, synthetic = open_pairs(off, seed=3), open_pairs(on, seed=3)
    for index, (group, _) in enumerate(plain.plan):
        equal = torch.equal(plain[index].exemplar, synthetic[index].exemplar)
        changed[real.sources[group].kind] += not equal
    assert changed["got10k"] == changed["folder"] == 0
    assert changed["voc"] == 4
