"""Pairs made on the device: their boxes, which rows they join, and what each change does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_box_augment import PLAIN, SIZE, red_box, red_thing
from test_box_pairs import name_classes, open_tiny
from tiny_data import write_got10k, write_plain, write_voc
from torch import Tensor

from rbsf.data.box_augment import BoxAugmentSettings, search_view
from rbsf.data.box_pairs import BoxPair
from rbsf.data.on_device.batches import _other_rows, _second_rows, draw_batch
from rbsf.data.on_device.camera import blur, grain, recolour, reduce_resolution
from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.paste import change_background, leave_behind, occlude
from rbsf.data.on_device.store import Store, _near, load_store
from rbsf.data.on_device.views import Views, context_sides, search_views
from rbsf.geometry import context_side

CPU = torch.device("cpu")
CLEAN = PLAIN.model_copy(
    update={
        "colour": 0, "blur": 0, "motion_blur": 0, "grey": 0, "occlusion": 0, "distractor": 0,
        "negative": 0, "flip": 0,
    }
)  # fmt: skip


def red_store(rows: int = 8) -> Store:
    """Rows of one still target each: a red rectangle before grey."""
    thing = red_thing()
    crop = torch.from_numpy(thing.crop).permute(2, 0, 1)
    own = torch.stack([torch.arange(rows), torch.arange(rows) + 1], dim=1)
    return Store(
        crop.expand(rows, -1, -1, -1),
        torch.tensor([thing.size] * rows),
        torch.tensor([thing.valid] * rows, dtype=torch.float32),
        own,
        own,
        torch.tensor([[0, rows]]),
        torch.arange(rows),
        torch.zeros(rows, 2, dtype=torch.long),
        torch.zeros(1, dtype=torch.long),
        torch.tensor([True]),
        torch.ones(1),
    )


def shade_store(targets: int = 3, frames: int = 4) -> Store:
    """Videos whose pictures have one shade for each target: 40, 80, 120 and so on."""
    rows = targets * frames
    target = torch.arange(rows) // frames
    crops = (40 * (target + 1)).to(torch.uint8)[:, None, None, None].expand(-1, 3, 399, 399)
    of = torch.stack([target * frames, (target + 1) * frames], dim=1)
    return Store(
        crops,
        torch.full((rows, 2), 60.0),
        torch.tensor([[0.0, 0.0, 399.0, 399.0]] * rows),
        of,
        of[::frames],
        torch.tensor([[0, targets]]),
        torch.arange(targets),
        torch.zeros(targets, 2, dtype=torch.long),
        torch.zeros(1, dtype=torch.long),
        torch.tensor([True]),
        torch.ones(1),
    )


def pixels(crop: Tensor) -> np.ndarray:  # type: ignore[type-arg]
    return crop.permute(1, 2, 0).round().to(torch.uint8).numpy()


def test_a_context_is_that_of_the_tracker() -> None:
    sizes = torch.tensor([[80.0, 40.0], [30.0, 90.0]])
    assert context_sides(sizes).tolist() == pytest.approx(
        [context_side(80, 40), context_side(30, 90)]
    )


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_boxes_are_where_targets_are_seen(mirror: float) -> None:
    settings = CLEAN.model_copy(update={"stretch": 0.2, "size_error": 0.15, "aspect_error": 0.1})
    views = search_views(
        red_store(), torch.arange(8), torch.full((8,), mirror), torch.ones(8) > 0, settings,
        Draws(CPU, (0,)),
    )  # fmt: skip
    for crop, box in zip(views.pixels, views.boxes, strict=True):
        assert red_box(pixels(crop)) == pytest.approx(box.tolist(), abs=1.5)


def test_a_view_is_that_of_the_workers() -> None:
    still = CLEAN.model_copy(update={"reach": 0, "far_reach": 0})
    views = search_views(
        red_store(1), torch.tensor([0]), torch.ones(1), torch.zeros(1) > 0, still, Draws(CPU, (0,))
    )
    expected = search_view(red_thing(), False, False, still, np.random.default_rng(0))
    near = slice(127 - 50, 127 + 50)  # no strip is cut off nearer to the target
    ours, theirs = pixels(views.pixels[0])[near, near], expected.pixels[near, near]
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 4
    assert views.boxes[0].tolist() == pytest.approx(expected.box, abs=1e-3)
    assert views.believed[0].tolist() == pytest.approx(expected.believed, abs=1e-3)


def test_a_turned_box_is_that_of_the_turned_ellipse() -> None:
    turned = CLEAN.model_copy(update={"rotation": 0.5})
    ones = torch.ones(64)
    views = search_views(red_store(64), torch.arange(64), ones, ones > 0, turned, Draws(CPU, (1,)))
    zoom = 127 / context_sides(views.believed)
    w, h = (views.believed * zoom[:, None]).unbind(dim=1)
    # w^2 + h^2 of the box around an ellipse does not change when the ellipse is turned
    a, b = SIZE
    shares = (w.square() + h.square()).sqrt() / (views.believed * zoom[:, None]).norm(dim=1)
    assert shares.tolist() == pytest.approx([1.0] * 64)
    ratio = views.boxes[:, 2] / views.boxes[:, 3]
    assert ratio.max() <= a / b + 0.05
    assert ratio.min() < 1.9


def same(a: BoxPair, b: BoxPair) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_batch_follows_from_its_seed_and_has_the_shapes_of_pairs() -> None:
    settings = BoxAugmentSettings(background=0.3, low_resolution=0.3, noise=4)
    first = draw_batch(red_store(), 8, settings, Draws(CPU, (0, 1, 2)))
    assert same(first, draw_batch(red_store(), 8, settings, Draws(CPU, (0, 1, 2))))
    assert not same(first, draw_batch(red_store(), 8, settings, Draws(CPU, (0, 1, 3))))
    assert first.exemplar.shape == (8, 3, 127, 127)
    assert first.search.shape == (8, 3, 255, 255)
    assert first.exemplar.dtype == first.search.dtype == torch.uint8
    assert first.box.shape == (8, 4)
    assert first.believed.shape == (8, 2)


def middle_shade(crops: Tensor) -> Tensor:
    return crops[:, 0, 60, 60]


def test_both_crops_show_one_target_unless_the_pair_is_negative() -> None:
    store = shade_store()
    pair = draw_batch(store, 64, CLEAN, Draws(CPU, (0,)))
    assert pair.present.all()
    assert torch.equal(middle_shade(pair.exemplar), middle_shade(pair.search))
    wrong = CLEAN.model_copy(update={"negative": 1.0})
    pair = draw_batch(store, 64, wrong, Draws(CPU, (0,)))
    assert not pair.present.any()
    assert (middle_shade(pair.exemplar) != middle_shade(pair.search)).all()


def test_another_thing_covers_the_exemplar_and_stays_in_the_search_if_that_is_asked_for() -> None:
    left = CLEAN.model_copy(update={"left_behind": 1.0})
    pair = draw_batch(shade_store(), 16, left, Draws(CPU, (0,)))
    shades = [set(crop[0].unique().tolist()) for crop in pair.exemplar]
    assert all(len(shade) == 2 for shade in shades)
    # where a place was free
    assert (
        sum(set(x[0].unique().tolist()) == z for x, z in zip(pair.search, shades, strict=True)) > 8
    )


def test_every_other_frame_of_the_target_may_follow_and_none_follows_itself() -> None:
    store = shade_store(targets=3, frames=4)
    first = torch.arange(12).repeat(100)
    second = _second_rows(store, first, Draws(CPU, (0,)))
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    assert found == {(a, b) for a in range(12) for b in range(12) if a != b and a // 4 == b // 4}
    stills = torch.arange(8)
    assert torch.equal(_second_rows(red_store(), stills, Draws(CPU, (0,))), stills)


def test_frames_are_near_that_are_closer_than_the_gap() -> None:
    frames = np.array([0, 50, 99, 100, 300])
    assert _near(frames, 100).tolist() == [[0, 3], [0, 4], [0, 4], [1, 4], [4, 5]]


def test_crops_lie_in_the_order_of_their_targets(tmp_path: Path) -> None:
    write_got10k(tmp_path, frames=6)
    write_plain(tmp_path)
    pairs = open_tiny(tmp_path, "got10k", "folder", hold_out=0)
    store = load_store(pairs, CPU)
    kept = sum(len(rows) for group in pairs.groups for _, rows in group)
    assert len(store.crops) == len(store.sizes) == kept
    assert store.boxed.tolist() == [True, False]
    for row in range(int(store.targets[0, 1])):
        assert store.near[row].tolist() == store.targets[0].tolist()  # 6 frames, gap 100
    target, rows = pairs.groups[0][0]
    expected = torch.from_numpy(target.crop(int(rows[2]))).permute(2, 0, 1)
    assert torch.equal(store.crops[2], expected)


def test_an_occluder_stays_within_the_target() -> None:
    torch.manual_seed(0)
    picture = torch.rand(6, 3, 255, 255) * 255
    boxes = torch.tensor([[10.0, -20.0, 80.0, 60.0]] * 6)
    views = Views(picture.clone(), boxes, boxes[:, 2:])
    occlude(views, 1.0, Draws(CPU, (0,)))
    changed = (views.pixels != picture).any(dim=1)
    rows, columns = changed.any(dim=2).nonzero()[:, 1], changed.any(dim=1).nonzero()[:, 1]
    share = changed.float().mean(dim=(1, 2)) * 255**2 / (80 * 60)
    assert (share > 0.05).all()
    assert (share < 0.45).all()
    assert columns.min() >= 127 + 10 - 41
    assert columns.max() <= 127 + 10 + 41
    assert rows.min() >= 127 - 20 - 31
    assert rows.max() <= 127 - 20 + 31


def test_what_covers_the_exemplar_stands_beside_the_target_later() -> None:
    n = 64
    exemplars, pixels = torch.full((n, 3, 127, 127), 90.0), torch.full((n, 3, 255, 255), 90.0)
    box, size = torch.tensor([20.0, -10, 60, 60]), torch.tensor([50.0, 40])
    views = Views(pixels, box.expand(n, 4), torch.full((n, 2), 60.0))
    others = torch.zeros(n, dtype=torch.long)
    draw = Draws(CPU, (0,))
    leave_behind(exemplars, size.expand(n, 2), views, red_store(), others, 0.5, draw)
    covered, stands = ((p != 90).any(dim=1) for p in (exemplars, pixels))
    share = covered.flatten(1).any(dim=1)
    assert 0.3 < share.float().mean() < 0.7
    assert (stands.flatten(1).any(dim=1) <= share).all()  # and not where no place was free
    assert not stands[:, 127 - 10 - 28 : 127 - 10 + 28, 127 + 20 - 28 : 127 + 20 + 28].any()
    # the cover is within the target, which is in the exemplar's middle
    assert covered.sum() == covered[:, 63 - 20 : 63 + 21, 63 - 25 : 63 + 26].sum()
    # the same piece: as much larger as the target is, and about as red
    both = stands.flatten(1).any(dim=1)
    small, large = covered[both].sum(dim=(1, 2)), stands[both].sum(dim=(1, 2))
    assert torch.allclose(large / small, torch.tensor(60 * 60 / (50 * 40)), atol=0.25)
    red = [(p[both, 0] > 250).sum(dim=(1, 2)) for p in (exemplars, pixels)]
    assert torch.allclose(red[0] / small, red[1] / large, atol=0.15)


def test_a_piece_that_is_left_behind_grows_with_the_target() -> None:
    """A piece that is larger than the red thing in its middle shows as much of it at any size."""
    n = 32
    exemplars, pixels = torch.full((n, 3, 127, 127), 200.0), torch.full((n, 3, 255, 255), 200.0)
    box = torch.tensor([0.0, 90, 200, 60]).expand(n, 4)
    size, others = torch.tensor([[100.0, 100]]).expand(n, 2), torch.zeros(n, dtype=torch.long)
    views = Views(pixels, box, box[:, 2:])
    leave_behind(exemplars, size, views, red_store(), others, 1.0, Draws(CPU, (1,)))
    shares = []
    for crops in (exemplars, pixels):
        changed = (crops != 200).any(dim=1).sum(dim=(1, 2))
        shares.append((crops[:, 0] > 250).sum(dim=(1, 2)) / changed.clamp(min=1))
    there = (pixels != 200).flatten(1).any(dim=1)
    assert there.sum() > 10
    assert torch.allclose(shares[0][there], shares[1][there], atol=0.05)


def test_nothing_is_left_behind_where_no_place_is_free() -> None:
    exemplars, pixels = torch.full((8, 3, 127, 127), 90.0), torch.full((8, 3, 255, 255), 90.0)
    views = Views(pixels, torch.tensor([[0.0, 0, 250, 250]]).expand(8, 4), torch.ones(8, 2))
    others = torch.zeros(8, dtype=torch.long)
    sizes = torch.full((8, 2), 50.0)
    leave_behind(exemplars, sizes, views, red_store(), others, 1.0, Draws(CPU, (0,)))
    assert (exemplars != 90).flatten(1).any(dim=1).all()
    assert (pixels == 90).all()


def test_another_background_leaves_the_target() -> None:
    shades = torch.tensor([50.0, 200.0])
    picture = shades[:, None, None, None].expand(2, 3, 255, 255).clone()
    boxes = torch.tensor([[0.0, 0.0, 60.0, 60.0]] * 2)
    views = Views(picture, boxes, boxes[:, 2:])
    change_background(views, torch.tensor([True, False]))
    assert views.pixels[0, :, 127, 127].tolist() == [50.0] * 3
    assert views.pixels[0, :, 10, 10].tolist() == [200.0] * 3
    assert (views.pixels[1] == 200).all()


def test_blur_and_resolution_change_shares_and_leave_even_pictures_even() -> None:
    torch.manual_seed(0)
    picture = torch.rand(10, 3, 255, 255) * 255
    even = torch.full((10, 3, 255, 255), 70.0)
    for change in (
        lambda p: blur(p, 0.2, 0.3, Draws(CPU, (0,))),
        lambda p: reduce_resolution(p, 0.5, Draws(CPU, (0,))),
    ):
        made, flat = picture.clone(), even.clone()
        change(made)
        change(flat)
        assert (made != picture).flatten(1).any(dim=1).sum() == 5
        assert torch.allclose(flat, even, atol=1e-3)
        assert made.var() < picture.var()


def test_colours_change_as_asked() -> None:
    torch.manual_seed(0)
    picture = torch.rand(4, 3, 32, 32) * 100 + 50
    flags = torch.tensor([True, False, False, False])
    same_picture = recolour(picture, 0.0, flags, Draws(CPU, (0,)))
    assert torch.allclose(same_picture[1:], picture[1:], atol=1e-3)
    red, green, blue = same_picture[0]
    assert torch.allclose(red, green)
    assert torch.allclose(red, blue)
    noisy = grain(torch.full((64, 3, 32, 32), 128.0), 8.0, Draws(CPU, (0,)))
    deviations = noisy.flatten(1).std(dim=1)
    assert deviations.max() < 8.3
    assert deviations.mean().item() == pytest.approx(4, abs=1)


def test_other_targets_are_of_the_same_class_and_of_another_picture(tmp_path: Path) -> None:
    write_plain(tmp_path)
    name_classes(write_voc(tmp_path, images=6), 6)
    store = load_store(open_tiny(tmp_path, "folder", "voc"), CPU)
    source, target = torch.ones(400).long(), torch.full((400,), 3 + 2)  # behind three photographs
    assert store.alike[:3].tolist() == [[0, 0]] * 3
    assert sorted(store.kin.tolist()) == [3, 4, 5, 6, 7, 8]
    rows = _other_rows(store, source, target, 1.0, Draws(CPU, (0,))) - 3
    counts = torch.bincount(rows, minlength=6)
    assert counts[2] == 0
    # the two other cats have a third of the draws each, and 2/5 of those that drew its own picture
    assert counts[[0, 4]].sum().item() == pytest.approx(400 * (2 / 3 + 1 / 3 * 2 / 5), abs=40)
    anyone = torch.bincount(_other_rows(store, source, target, 0.0, Draws(CPU, (0,))) - 3)
    assert anyone[[0, 4]].sum().item() == pytest.approx(400 * 2 / 5, abs=40)
    unnamed = _other_rows(
        store, torch.zeros(50).long(), torch.zeros(50).long(), 1.0, Draws(CPU, (0,))
    )
    assert set(unnamed.tolist()) == {1, 2}
