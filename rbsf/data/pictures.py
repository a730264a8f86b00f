"""Pictures with classes: MNIST, CIFAR, ImageNet and any folder that has a folder for each class.

torchvision reads and changes them. Small pictures are decoded once and stay in memory; the device
that trains crops and flips them in whole batches (`Small`). Large ones are decoded, cropped and
flipped by workers (`Large`).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from torchvision import datasets
from torchvision.transforms import v2

from rbsf.config import Settings
from rbsf.data.on_device.draws import Draws
from rbsf.errors import InputError

Kind = Literal["folder", "mnist", "cifar10", "cifar100", "imagenet"]

SHIFT = 4
"""A small picture is shifted by up to so many pixels in each direction."""
LARGEST_SMALL = 64
"""The side up to which pictures stay in memory."""
HELD_OUT = ("test", "val")
"""The names that the folder of the test pictures may have."""


class PictureSettings(Settings):
    """Where pictures come from. Their labels are the names of their classes, in sorted order."""

    kind: Kind = Field(
        "folder",
        description="The layout of the data. folder has train/ and test/ (or val/), and in them a "
        "folder for each class. The others are as torchvision has them.",
    )
    root: str = Field("data", description="The folder of the data.")
    side: int = Field(
        32,
        ge=8,
        description="The side of a picture in pixels. Up to 64, pictures stay in memory, and are "
        "shifted by up to 4 pixels and flipped. Above, each is a random part of one that is "
        "decoded anew, and flipped.",
    )
    flip: bool = Field(
        True, description="Whether half of the pictures are mirrored. Digits must not be."
    )
    pictures_per_epoch: int | None = Field(
        None, ge=1, description="Pictures in an epoch. null gives each picture once."
    )


class Picture(NamedTuple):
    """A picture, or a batch of them."""

    pixels: Tensor
    """(3, S, S) or (N, 3, S, S), RGB, uint8."""
    label: Tensor
    """The number of the class, a scalar or (N,)."""


class Pictures(ABC):
    """The training pictures: the order of an epoch, and a hash.

    Args:
        settings: Their side, and how they are changed.
        seed: The seed of every random choice.

    Attributes:
        count: How many different pictures there are.
        digest: A hash by which another set of pictures is recognised.
        remarks: What a user should know about the data.
    """

    count: int
    digest: str

    def __init__(self, settings: PictureSettings, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self.remarks: list[str] = []

    def __len__(self) -> int:
        return self.settings.pictures_per_epoch or self.count

    @abstractmethod
    def __getitem__(self, index: int) -> Picture:
        """The picture at a place in the order of the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Draws the order of an epoch: whole passes over all pictures, shuffled."""
        self.epoch = epoch
        draw = np.random.default_rng([self.seed, epoch])
        passes = -(-len(self) // self.count)
        self.order = np.concatenate([draw.permutation(self.count) for _ in range(passes)])


class Small(Pictures):
    """Small pictures, all of them in memory.

    Args:
        split: The training pictures, as `open_split` gives them.
        settings: Their side, and how they are changed.
        seed: The seed of every random choice.

    Attributes:
        pictures: All pictures as one batch.

    Raises:
        InputError: One of them cannot be read.
    """

    def __init__(self, split: Any, settings: PictureSettings, seed: int) -> None:
        super().__init__(settings, seed)
        self.pictures = read_all(split, settings.side)
        self.count = len(self.pictures.label)
        content = hashlib.sha256(self.pictures.pixels.numpy().tobytes())
        content.update(self.pictures.label.numpy().tobytes())
        self.digest = content.hexdigest()
        self.set_epoch(0)

    def __getitem__(self, index: int) -> Picture:
        number = self.order[index]
        return Picture(self.pictures.pixels[number], self.pictures.label[number])

    def to(self, device: torch.device) -> None:
        """Moves all pictures to a device."""
        self.pictures = Picture(*(t.to(device) for t in self.pictures))

    def batch(self, numbers: range, draw: Draws) -> Picture:
        """Gives a batch of the epoch, shifted and flipped on the device of the pictures.

        Args:
            numbers: The places of its pictures in the order of the epoch.
            draw: The source of random numbers.
        """
        chosen = torch.from_numpy(self.order[numbers.start : numbers.stop]).to(draw.device)
        pixels = shift(self.pictures.pixels[chosen], draw)
        if self.settings.flip:
            flipped = draw(len(chosen)) < 0.5
            pixels = torch.where(flipped.reshape(-1, 1, 1, 1), pixels.flip(3), pixels)
        return Picture(pixels, self.pictures.label[chosen])


class Large(Pictures):
    """Large pictures, each decoded when it is asked for.

    The digest is that of their names and labels, because hashing their content would read all of
    them. Where they have no names, it is that of their number alone.

    Args:
        split: The training pictures, as `open_split` gives them.
        settings: Their side, and how they are changed.
        seed: The seed of every random choice.
    """

    def __init__(self, split: Any, settings: PictureSettings, seed: int) -> None:
        super().__init__(settings, seed)
        self.split, self.count = split, len(split)
        named = [(Path(path).name, label) for path, label in getattr(self.split, "samples", [])]
        self.digest = hashlib.sha256(repr(named or self.count).encode()).hexdigest()
        self.change = v2.Compose(
            [
                v2.RandomResizedCrop(settings.side, antialias=True),
                v2.RandomHorizontalFlip(0.5 if settings.flip else 0.0),
                v2.PILToTensor(),
            ]
        )
        self.set_epoch(0)

    def __getitem__(self, index: int) -> Picture:
        picture, label = read(self.split, int(self.order[index]))
        with torch.random.fork_rng(devices=[]):
            seeds = np.random.SeedSequence((self.seed, self.epoch, index))
            torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))
            return Picture(self.change(picture), torch.tensor(label))


def training_pictures(split: Any, settings: PictureSettings, seed: int) -> Pictures:
    """Makes the training pictures of a split: small ones are read, large ones are not yet.

    Args:
        split: The training pictures, as `open_split` gives them.
        settings: Their side, and how they are changed.
        seed: The seed of every random choice.

    Raises:
        InputError: One of them cannot be read.
    """
    kind = Small if settings.side <= LARGEST_SMALL else Large
    return kind(split, settings, seed)


def open_split(settings: PictureSettings, train: bool) -> Any:
    """Opens the training or the test pictures as torchvision's data set of (PIL picture, label).

    Raises:
        InputError: They are not there.
    """
    root = Path(settings.root)
    names = {"mnist": "MNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}
    try:
        if settings.kind == "folder":
            return datasets.ImageFolder(str(_split_folder(root, train)))
        if settings.kind == "imagenet":
            return datasets.ImageNet(str(root), "train" if train else "val")
        return getattr(datasets, names[settings.kind])(str(root), train=train)
    except ImportError:
        raise InputError(
            f"torchvision reads ImageNet's archives in {root} with scipy, which is not installed: "
            "pip install scipy, or unpack them into train/CLASS/ and val/CLASS/ and set data.kind: "
            "folder"
        ) from None
    except (RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())
        name = names.get(settings.kind)
        get = f"; torchvision.datasets.{name}({str(root)!r}, download=True) gets them"
        raise InputError(
            f"{root} has no pictures of the kind {settings.kind}: {reason}{get if name else ''}"
        ) from None


def _split_folder(root: Path, train: bool) -> Path:
    names = ("train",) if train else HELD_OUT
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise InputError(
        f"{root} has no folder {' or '.join(names)}: give the folder that holds the pictures in "
        "train/CLASS/ and test/CLASS/"
    )


def check_classes(split: Any, classes: int, source: str) -> None:
    """Checks that a network has as many classes as its pictures.

    Args:
        split: The pictures, a data set of torchvision.
        classes: The number of the network's classes.
        source: Where the network comes from; the message names it.

    Raises:
        InputError: It has not.
    """
    if len(split.classes) != classes:
        raise InputError(
            f"the pictures have {len(split.classes)} classes, but {source} has {classes}: set "
            "network.classes, or give the pictures that the network is for"
        )


def read(split: Any, number: int) -> tuple[Any, int]:
    """Reads a picture as RGB, and its label.

    Raises:
        InputError: The picture is damaged or missing.
    """
    try:
        picture, label = split[number]
        return picture.convert("RGB"), int(label)
    except OSError as error:
        name = split.samples[number][0] if hasattr(split, "samples") else f"picture {number}"
        raise InputError(f"cannot read {name}: {error}") from None


def read_all(split: Any, side: int) -> Picture:
    """Reads all pictures of a split, each as the middle of the picture at this side.

    A smaller picture that is square, as MNIST's of 28 pixels, gets black around it.

    Raises:
        InputError: A picture is damaged.
    """
    fit = middle(side)
    pictures, labels = zip(*(read(split, number) for number in range(len(split))), strict=True)
    return Picture(torch.stack([fit(p) for p in pictures]), torch.tensor(labels))


def middle(side: int) -> Callable[[Any], Tensor]:
    """Gives what makes a test picture of this side from an RGB picture: (3, side, side), uint8.

    Above `LARGEST_SMALL`, a picture is scaled to 8/7 of the side and cropped. Up to it, only one
    that is larger than the side is scaled.
    """
    to_tensor = v2.Compose([v2.PILToTensor(), v2.CenterCrop(side)])  # which pads what is smaller
    if side <= LARGEST_SMALL:
        scale = v2.Resize(side, antialias=True)
        return lambda p: to_tensor(p if max(p.size) <= side else scale(p))
    scale = v2.Resize(side * 8 // 7, antialias=True)
    return lambda p: to_tensor(scale(p))


def shift(pixels: Tensor, draw: Draws) -> Tensor:
    """Shifts each picture of a batch (N, 3, S, S) by up to 4 pixels. What comes in is black."""
    count, side = len(pixels), pixels.shape[-1]
    padded = F.pad(pixels, (SHIFT,) * 4)
    limits = torch.full((2 * count,), 2 * SHIFT + 1, device=pixels.device)
    top, left = draw.below(limits).reshape(2, count, 1)
    row = torch.arange(side, device=pixels.device)
    rows, columns = (top + row)[:, None, :, None], (left + row)[:, None, None, :]
    every = torch.arange(count, device=pixels.device).reshape(-1, 1, 1, 1)
    channels = torch.arange(3, device=pixels.device).reshape(1, -1, 1, 1)
    return padded[every, channels, rows, columns]


def batches_of(split: Any, side: int, batch: int, numbers: Sequence[int]) -> Iterator[Picture]:
    """Gives some of the pictures of a split in batches, as they are tested.

    Args:
        split: The pictures, as `open_split` gives them.
        side: The side that they are given, in pixels.
        batch: How many a batch has; the last one has what is left.
        numbers: Which of them, and in which order.

    Raises:
        InputError: One of them cannot be read.
    """
    fit = middle(side)
    for start in range(0, len(numbers), batch):
        pictures = [read(split, n) for n in numbers[start : start + batch]]
        labels = torch.tensor([label for _, label in pictures])
        yield Picture(torch.stack([fit(p) for p, _ in pictures]), labels)
