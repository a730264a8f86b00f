"""Box pairs: what they depend on, what is held out, which pictures have no true box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import BOX, write_got10k, write_plain, write_voc

from rbsf.data.box_augment import BoxAugmentSettings
from rbsf.data.box_pairs import BoxDataSettings, BoxPair, BoxPairs, open_box_pairs
from rbsf.data.crops import CropSettings
from rbsf.data.pairs import FilterSettings
from rbsf.data.sources import SourceSettings
from rbsf.data.thing import read_thing
from rbsf.geometry import context_side

FILTER = FilterSettings(min_side=5, min_share=0, max_share=1)


def open_tiny(root: Path, *kinds: str, **changes: object) -> BoxPairs:
    paths = {"got10k": "got10k", "voc": "voc", "folder": "plain"}
    settings = BoxDataSettings(
        root=str(root),
        cache=str(root / "cache"),
        sources=tuple(SourceSettings(kind=kind, path=paths[kind]) for kind in kinds),  # type: ignore[arg-type]
        crop=CropSettings(size=399),
        filter=FILTER,
        **changes,  # type: ignore[arg-type]
    )
    return open_box_pairs(settings, seed=0)


def same(a: BoxPair, b: BoxPair) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_pair_has_its_shapes(tmp_path: Path) -> None:
    write_got10k(tmp_path)
    pair = open_tiny(tmp_path, "got10k", hold_out=0)[0]
    assert pair.exemplar.shape == (3, 127, 127)
    assert pair.search.shape == (3, 255, 255)
    assert pair.exemplar.dtype == pair.search.dtype == torch.uint8
    assert pair.box.shape == (4,)
    assert pair.believed.shape == (2,)
    assert pair.boxed


def test_a_pair_follows_from_seed_epoch_and_index_alone(tmp_path: Path) -> None:
    write_got10k(tmp_path, frames=6)
    pairs = open_tiny(tmp_path, "got10k", hold_out=0)
    first = pairs[1]
    pairs[0]
    np.random.default_rng().random()
    assert same(pairs[1], first)
    pairs.set_epoch(1)
    assert not same(pairs[1], first)


def test_photographs_without_boxes_teach_features_alone(tmp_path: Path) -> None:
    write_plain(tmp_path)
    assert not open_tiny(tmp_path, "folder")[0].boxed


def test_every_eighth_sequence_is_held_out_and_no_still(tmp_path: Path) -> None:
    write_got10k(tmp_path, sequences=9)
    write_voc(tmp_path, images=9)
    pairs = open_tiny(tmp_path, "got10k", "voc")
    assert [target.name for target, _ in pairs.groups[0]] == [f"seq{n}" for n in range(1, 8)]
    assert len(pairs.groups[1]) == 9


def test_negatives_are_as_many_as_asked_for(tmp_path: Path) -> None:
    write_voc(tmp_path, images=3)
    pairs = open_tiny(
        tmp_path, "voc", pairs_per_epoch=60, box_augment=BoxAugmentSettings(negative=0.5)
    )
    absent = sum(not pairs[i].present for i in range(60))
    assert 18 <= absent <= 42
    never = open_tiny(
        tmp_path, "voc", pairs_per_epoch=20, box_augment=BoxAugmentSettings(negative=0)
    )
    assert all(never[i].present for i in range(20))


def test_a_piece_covers_the_exemplar_if_that_is_asked_for(tmp_path: Path) -> None:
    write_voc(tmp_path, images=3)
    bare = {"colour": 0, "blur": 0, "motion_blur": 0, "grey": 0, "occlusion": 0, "distractor": 0}
    plain, left = (
        open_tiny(tmp_path, "voc", box_augment=BoxAugmentSettings(left_behind=share, **bare))[0]
        for share in (0.0, 1.0)
    )
    covered = (plain.exemplar != left.exemplar).any(dim=0)
    assert 0 < covered.sum() < 0.5 * 127**2
    assert not covered[:20].any()  # the target fills the middle half
    assert (plain.search != left.search).any()
    assert torch.equal(plain.box, left.box)


def test_a_thing_is_the_target_in_the_middle_of_what_was_seen(tmp_path: Path) -> None:
    write_voc(tmp_path, images=1)
    pairs = open_tiny(tmp_path, "voc")
    target, _ = pairs.groups[0][0]
    found = read_thing(target, 0)
    scale = 127 / context_side(BOX.w, BOX.h)
    assert found.size == pytest.approx((BOX.w * scale, BOX.h * scale), rel=1e-5)
    red = (found.crop[..., 0].astype(int) - found.crop[..., 1]) > 100
    rows, columns = np.nonzero(red)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(199, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(199, abs=2)
    left, top, right, bottom = found.valid
    assert right - left == pytest.approx(159 * scale, abs=1.5)
    assert bottom - top == pytest.approx(119 * scale, abs=1.5)


def name_classes(folder: Path, images: int) -> None:
    """Makes every other photograph of `write_voc` show a cat, and the rest a dog."""
    for number in range(images):
        file = folder / "Annotations" / f"photo{number}.xml"
        name = ("cat", "dog")[number % 2]
        file.write_text(file.read_text().replace("<name>thing<", f"<name>{name}<"))


@pytest.mark.parametrize("alike", [0.0, 1.0])
def test_another_target_is_of_the_same_class_if_that_is_asked_for(
    tmp_path: Path, alike: float
) -> None:
    name_classes(write_voc(tmp_path, images=6), 6)
    pairs = open_tiny(tmp_path, "voc", box_augment=BoxAugmentSettings(alike=alike))
    targets = [target for target, _ in pairs.groups[0]]
    shown = [target.crop(0) for target in targets]
    draw = np.random.default_rng(0)
    others = [pairs._other(0, 2, draw).crop for _ in range(60)]
    found = {n for other in others for n, crop in enumerate(shown) if np.array_equal(crop, other)}
    assert 2 not in found
    classes = {targets[n].name.split("/")[-1] for n in found}
    # the other two of its class, and sometimes any, where its own picture was drawn
    assert found == {0, 1, 3, 4, 5}
    assert classes == {"cat", "dog"}
    cats = sum(np.array_equal(other, shown[n]) for other in others for n in (0, 4))
    assert cats > 40 if alike else cats < 40
