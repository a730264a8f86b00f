"""Augments a pair of crops, with torchvision's transforms v2.

siamfc-pytorch stretches both crops by up to 5%, cuts 247 pixels from the middle and 239 from that
at random, and for the exemplar 127 from the middle of the result. Everything else is off by
default, as it is there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from rbsf.config import Settings
from rbsf.nn.siamfc import EXEMPLAR_SIZE

TRAIN_SEARCH_SIZE = 239

DISTRACTOR_SIDES = (48, 89)
"""The range of a pasted distractor's side, in pixels, end excluded. A target's is about 64."""
TARGET_REACH = 28
"""How far around the true target's centre no distractor is pasted, in pixels along each axis."""
DISTRACTOR_TRIES = 8
"""How many random places are tried for a distractor before the crop is left without one."""


class AugmentSettings(Settings):
    """How pairs are augmented. The value 0 switches each step off; the defaults are SiamFC's."""

    stretch: float = Field(0.05, ge=0, le=0.5, description="The scale changes by up to this share.")
    exemplar_shift: int = Field(
        4, ge=0, le=16, description="How far the exemplar is off centre at most, in pixels."
    )
    search_shift: int = Field(
        4, ge=0, le=56, description="How far the search is off centre at most, in pixels."
    )
    colour: float = Field(
        0,
        ge=0,
        le=1,
        description="Brightness, contrast and saturation change by up to this share.",
    )
    blur: float = Field(0, ge=0, le=1, description="The probability that the search is blurred.")
    grey: float = Field(0, ge=0, le=1, description="The probability that both crops turn grey.")
    flip: float = Field(0, ge=0, le=1, description="The probability that both crops are mirrored.")
    distractor: float = Field(
        0, ge=0, le=1, description="The probability that another target is put into the search."
    )


class Pair(NamedTuple):
    """A training pair."""

    exemplar: Tensor
    """The exemplar, (3, 127, 127), RGB uint8, with the target at its centre."""
    search: Tensor
    """The search crop, (3, 239, 239), RGB uint8."""
    offset: Tensor
    """Where the target is, (2,), as x and y in pixels from the centre of the search crop."""


class Augment:
    """Makes a `Pair` from two cached crops, (3, S, S), RGB uint8, with the target at their centres.

    All random numbers come from torch's global generator, so a seed set before a call fixes its
    result.

    Args:
        settings: How pairs are augmented.
    """

    def __init__(self, settings: AugmentSettings) -> None:
        self.settings = settings
        jitter = settings.colour
        self.colour = v2.ColorJitter(jitter, jitter, jitter) if jitter else v2.Identity()
        self.blur = v2.GaussianBlur(kernel_size=9, sigma=(0.2, 3.0))

    def __call__(self, exemplar: Tensor, search: Tensor, other: Tensor | None = None) -> Pair:
        """Augments one pair.

        Args:
            exemplar: The crop that the exemplar is cut from.
            search: The crop that the search is cut from.
            other: A crop of another target, which is pasted beside this one as a distractor. None
                pastes nothing.
        """
        s = self.settings
        exemplar, _ = self._cut(exemplar, s.exemplar_shift, EXEMPLAR_SIZE)
        search, offset = self._cut(search, s.search_shift, TRAIN_SEARCH_SIZE)
        if other is not None:
            search = _put_beside(search, other, offset)
        exemplar, search = self.colour(exemplar), self.colour(search)
        if chance(s.blur):
            search = self.blur(search)
        if chance(s.grey):
            exemplar, search = (F.rgb_to_grayscale(c, 3) for c in (exemplar, search))
        if chance(s.flip):
            exemplar, search = F.horizontal_flip(exemplar), F.horizontal_flip(search)
            offset = offset * torch.tensor([-1.0, 1.0])
        return Pair(exemplar.contiguous(), search.contiguous(), offset)

    def _cut(self, crop: Tensor, shift: int, size: int) -> tuple[Tensor, Tensor]:
        """Stretches a crop and cuts out a size x size window, at most `shift` off its centre.

        Also gives the target's offset from the centre of the window, (2,), as x and y.
        """
        side = crop.shape[-1]
        stretch = 1 + self.settings.stretch * (2 * torch.rand(()).item() - 1)
        if self.settings.stretch:
            stretched = round(side * stretch)
            crop = F.resize(crop, [stretched, stretched], antialias=False)
        crop = _pad_to(crop, size + 2 * shift)
        x, y = torch.randint(0, 2 * shift + 1, (2,)).tolist()
        first = (crop.shape[-1] - size) // 2 - shift
        window = F.crop(crop, first + y, first + x, size, size)
        return window, torch.tensor([shift - x, shift - y], dtype=torch.float32)


def _put_beside(search: Tensor, other: Tensor, offset: Tensor) -> Tensor:
    """Pastes the middle of another target's crop into a search crop, away from its own target.

    The background seldom shows a whole, sharp object that is the wrong one. Without such negatives
    the network learns what an object is rather than which object it follows, as DaSiamRPN found.
    """
    side, size = int(torch.randint(*DISTRACTOR_SIDES, ())), search.shape[-1]
    first = (other.shape[-1] - side) // 2
    patch = F.crop(other, first, first, side, side)
    target = (size - 1) / 2 + offset
    for _ in range(DISTRACTOR_TRIES):
        corner = torch.randint(0, size - side + 1, (2,))
        if (corner + (side - 1) / 2 - target).abs().max() >= side / 2 + TARGET_REACH:
            x, y = corner.tolist()
            search = search.clone()
            search[:, y : y + side, x : x + side] = patch
            break
    return search


def chance(probability: float) -> bool:
    """Draws True with the given probability, from torch's global generator."""
    return probability > 0 and torch.rand(()).item() < probability


def _pad_to(crop: Tensor, side: int) -> Tensor:
    """Pads a crop with its mean colour where it is smaller than `side`."""
    short = side - crop.shape[-1]
    if short <= 0:
        return crop
    before = (short + 1) // 2
    fill = crop.float().mean(dim=(1, 2)).tolist()
    return F.pad(crop, [before, before, short - before, short - before], fill=fill)
