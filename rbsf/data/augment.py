"""Augments a pair for the training of responses.

siamfc-pytorch stretches both crops by up to 5%, cuts 247 pixels from the middle and 239 from that
at random, and for the exemplar 127 from the middle of the result. Everything else is off by
default, as it is there.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from rbsf.config import Settings
from rbsf.data.camera import blur, compress, recolour, reduce_resolution
from rbsf.data.paste import occlude, paste_beside
from rbsf.data.thing import Draw, Image, Thing, ViewBox, chance
from rbsf.nn.siamfc import EXEMPLAR_SIZE

TRAIN_SEARCH_SIZE = 239


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
    blur: float = Field(
        0, ge=0, le=1, description="The probability that the search is out of focus."
    )
    motion_blur: float = Field(
        0, ge=0, le=1, description="The probability that the search is blurred by motion."
    )
    low_resolution: float = Field(
        0, ge=0, le=1, description="The probability that the search is an enlarged small picture."
    )
    jpeg: float = Field(
        0, ge=0, le=1, description="The probability that the search has JPEG artefacts."
    )
    grey: float = Field(0, ge=0, le=1, description="The probability that both crops turn grey.")
    flip: float = Field(0, ge=0, le=1, description="The probability that both crops are mirrored.")
    distractor: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that another target is pasted into the search: one of the "
        "same picture or class where there is one.",
    )
    occlusion: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that a piece of the picture covers a part of the target.",
    )
    synthesis: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that a photograph's target is pasted on another photograph, "
        "as two moments of an artificial video (see rbsf/data/synthesis.py).",
    )


class Pair(NamedTuple):
    """A training pair."""

    exemplar: Tensor
    """The exemplar, (3, 127, 127), RGB uint8, with the target at its centre."""
    search: Tensor
    """The search crop, (3, 239, 239), RGB uint8."""
    offset: Tensor
    """Where the target is, (2,), as x and y in pixels from the centre of the search crop."""
    scene: Tensor = torch.tensor(-1)
    """The number of the sequence or photograph that the pair is from, (), int64. Exemplars of other
    scenes are certain not to be in this search. Scenes of the same number may show the same."""


class Augment:
    """Makes a `Pair` from two things, or from one twice.

    Args:
        settings: How pairs are augmented.
    """

    def __init__(self, settings: AugmentSettings) -> None:
        self.settings = settings

    def __call__(
        self, exemplar: Thing, search: Thing, other: Thing | None, draw: Draw, scene: int = -1
    ) -> Pair:
        """Augments one pair.

        Args:
            exemplar: The thing that the exemplar is cut from.
            search: The thing that the search is cut from.
            other: Another target, which is pasted beside this one as a distractor. None pastes
                nothing.
            draw: The source of random numbers.
            scene: The number of the sequence or photograph, see `Pair`.
        """
        s = self.settings
        z, _ = self._cut(exemplar, s.exemplar_shift, EXEMPLAR_SIZE, draw)
        x, box = self._cut(search, s.search_shift, TRAIN_SEARCH_SIZE, draw)
        if other is not None:
            paste_beside(x, box, other, draw)
        if chance(s.occlusion, draw):
            occlude(x, box, draw)
        z, x = self._film(z, x, draw)
        offset = torch.tensor(box[:2], dtype=torch.float32)
        if chance(s.flip, draw):
            z, x = z[:, ::-1], x[:, ::-1]
            offset = offset * torch.tensor([-1.0, 1.0])
        return Pair(_tensor(z), _tensor(x), offset, torch.tensor(scene))

    def _cut(self, thing: Thing, shift: int, size: int, draw: Draw) -> tuple[Image, ViewBox]:
        """Stretches a crop and cuts out a size x size window, at most `shift` off its centre.

        Also gives the target's box in the window.
        """
        crop, side = thing.crop, len(thing.crop)
        if self.settings.stretch:
            stretch = self.settings.stretch * draw.uniform(-1, 1)
            crop = cv2.resize(crop, [round(side * (1 + stretch))] * 2)  # type: ignore[assignment]
        ratio = len(crop) / side
        crop = _pad_to(crop, size + 2 * shift)
        x, y = draw.integers(0, 2 * shift + 1, 2).tolist()
        first = (len(crop) - size) // 2 - shift
        window = crop[first + y : first + y + size, first + x : first + x + size]
        w, h = thing.size
        return window.copy(), (shift - x, shift - y, w * ratio, h * ratio)

    def _film(self, z: Image, x: Image, draw: Draw) -> tuple[Image, Image]:
        """Changes the light in both crops, and makes the search as bad as a camera's picture."""
        s = self.settings
        grey = chance(s.grey, draw)
        if s.colour or grey:
            z, x = (recolour(crop, s.colour, grey, draw) for crop in (z, x))
        if chance(s.low_resolution, draw):
            x = reduce_resolution(x, draw)
        if s.blur or s.motion_blur:
            x = blur(x, s.blur, s.motion_blur, draw)
        if chance(s.jpeg, draw):
            x = compress(x, draw)
        return z, x


def _pad_to(crop: Image, side: int) -> Image:
    """Pads a crop with its mean colour where it is smaller than `side`."""
    short = side - len(crop)
    if short <= 0:
        return crop
    before = (short + 1) // 2
    margins = (before, short - before)
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        crop, *margins, *margins, cv2.BORDER_CONSTANT, value=cv2.mean(crop)
    )


def _tensor(image: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
