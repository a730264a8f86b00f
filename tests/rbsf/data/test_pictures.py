"""Pictures with classes: what is read, how it is shifted and flipped, and in which order."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pictures import COLOURS, write_pictures

from rbsf.data.on_device.draws import Draws
from rbsf.data.pictures import (
    Large,
    PictureSettings,
    Small,
    check_classes,
    middle,
    open_split,
    read_all,
    shift,
    training_pictures,
)
from rbsf.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path):
    return write_pictures(tmp_path)


def settings(root, **changes):
    return PictureSettings(**{"root": str(root), "side": 16, **changes})


def opened(root, seed=0, **changes):
    data = settings(root, **changes)
    return training_pictures(open_split(data, train=True), data, seed)


def test_classes_are_the_sorted_names_of_the_folders(root):
    pictures = opened(root).pictures
    assert pictures.pixels.shape == (12, 3, 16, 16) and pictures.pixels.dtype == torch.uint8
    for number, name in enumerate(sorted(COLOURS)):
        shown = pictures.pixels[pictures.label == number].float().mean(dim=(0, 2, 3))
        torch.testing.assert_close(shown, torch.tensor(COLOURS[name]).float(), atol=5, rtol=0)


def test_mnists_digits_get_black_around_them():
    digit = Image.fromarray(np.full((28, 28), 255, np.uint8)).convert("RGB")
    pixels = middle(32)(digit)
    assert pixels.shape == (3, 32, 32)
    assert (pixels[:, 2:30, 2:30] == 255).all() and pixels.float().sum() == 3 * 28 * 28 * 255


def test_a_large_test_picture_is_its_middle():
    wide = np.zeros((256, 512, 3), np.uint8)
    wide[:, 256 - 112 : 256 + 112] = 200  # what is left of 512x256 after the crop of 224
    assert (middle(224)(Image.fromarray(wide)) > 100).all()


def test_a_shift_moves_a_picture_by_at_most_four_and_brings_black_in():
    pixels = torch.arange(1, 65, dtype=torch.uint8).reshape(1, 1, 8, 8).expand(200, 3, 8, 8)
    moved = shift(pixels, Draws(CPU, (1,)))
    padded = torch.nn.functional.pad(pixels[0], (4, 4, 4, 4))
    places = {
        tuple(padded[:, y : y + 8, x : x + 8].flatten().tolist()): (y, x)
        for y in range(9)
        for x in range(9)
    }
    found = [places[tuple(picture.flatten().tolist())] for picture in moved]
    assert {y for y, _ in found} == {x for _, x in found} == set(range(9))


@pytest.mark.parametrize(("flip", "share"), [(True, 0.5), (False, 0.0)])
def test_half_of_the_pictures_are_flipped(tmp_path, flip, share):
    root = write_pictures(tmp_path, each=100)
    dataset = opened(root, flip=flip)
    dataset.pictures.pixels[..., :8], dataset.pictures.pixels[..., 8:] = 10, 20
    row = dataset.batch(range(300), Draws(CPU, (2,))).pixels[:, 0, 8].int()
    flipped = (row == 10).int().argmax(dim=1) > (row == 20).int().argmax(dim=1)
    assert flipped.float().mean().item() == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize("kind", [Small, Large])
def test_an_epoch_shows_every_picture_once_in_an_order_of_its_own(root, kind):
    side = 16 if kind is Small else 65
    dataset = opened(root, seed=3, side=side)
    assert isinstance(dataset, kind)
    orders = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        orders.append(dataset.order.tolist())
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert orders[0] != orders[1]
    again = opened(root, seed=3, side=side)
    again.set_epoch(1)
    assert again.order.tolist() == orders[1]


def test_a_longer_epoch_shows_pictures_again(root):
    dataset = opened(root, pictures_per_epoch=30)
    assert len(dataset) == 30
    assert np.bincount(dataset.order[:24]).tolist() == [2] * 12


def test_a_large_picture_follows_from_seed_epoch_and_number(root):
    dataset = opened(root, side=65)
    before = torch.random.get_rng_state()
    first, other = dataset[3].pixels, dataset[4].pixels
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.shape == (3, 65, 65) and first.dtype == torch.uint8
    assert torch.equal(opened(root, side=65)[3].pixels, first)
    dataset.set_epoch(1)
    assert not torch.equal(dataset[3].pixels, first) and not torch.equal(other, first)


def test_another_content_has_another_digest(root):
    before = opened(root).digest
    assert opened(root, seed=9).digest == before
    Image.new("RGB", (16, 16)).save(root / "train" / "red" / "0.png")
    assert opened(root).digest != before


def test_val_is_the_test_split_where_there_is_no_test(root):
    (root / "test").rename(root / "val")
    assert len(read_all(open_split(settings(root), train=False), 16).label) == 6


def test_bad_folders_and_pictures_are_named(root, tmp_path):
    with pytest.raises(InputError, match="has no folder train"):
        open_split(settings(root / "test"), train=True)
    with pytest.raises(InputError, match="has no folder test or val"):
        open_split(settings(root / "train"), train=False)
    with pytest.raises(InputError, match=r"CIFAR10\(.*download=True\) gets them"):
        open_split(settings(root, kind="cifar10"), train=True)
    with pytest.raises(InputError, match=r"kind imagenet|pip install scipy"):
        open_split(settings(root, kind="imagenet"), train=True)
    with pytest.raises(InputError, match="3 classes, but the network has 10"):
        check_classes(open_split(settings(root), train=True), 10, "the network")
    (root / "train" / "red" / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"cannot read .*1\.png"):
        opened(root)
