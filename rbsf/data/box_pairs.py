"""Pairs for the box head: an exemplar, a search crop, the target's box in it and the believed size.

Sources, crop cache, filter and order are those of `rbsf.data.pairs`. As there, everything random
about pair i of epoch e follows from (seed, e, i) alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from rbsf.data.box_augment import BoxAugmentSettings, View, exemplar_view, search_view
from rbsf.data.camera import blur, grain, recolour, reduce_resolution
from rbsf.data.crops import CachedTarget
from rbsf.data.pairs import DataSettings, PairDataset, open_sources
from rbsf.data.paste import leave_behind, occlude, paste_beside, put_before
from rbsf.data.thing import Draw, Image, Thing, chance, read_thing


class BoxPair(NamedTuple):
    """A pair. In a batch, N comes before every shape."""

    exemplar: Tensor
    """The exemplar crop, (3, 127, 127), RGB uint8."""
    search: Tensor
    """The search crop, (3, 255, 255), RGB uint8."""
    box: Tensor
    """The box, (4,): the centre x and y from the search's middle, the width and the height, in
    pixels of the search crop."""
    believed: Tensor
    """The width and height that the search was cut for, (2,), in pixels of the search crop."""
    present: Tensor
    """Whether the search shows the exemplar's target, () bool."""
    boxed: Tensor
    """Whether the box is annotated, () bool. Only a training's teachers can say something of a
    picture without a box."""


class BoxDataSettings(DataSettings):
    """The sources of pairs and how pairs are made. `box_augment` takes the place of `augment`."""

    box_augment: BoxAugmentSettings = Field(
        BoxAugmentSettings(), description="How crops are cut and changed."
    )
    hold_out: int = Field(
        8,
        ge=0,
        description="One in so many sequences is left out, to compare networks on. 0 leaves out "
        "none.",
    )


class BoxPairs(PairDataset):
    """The pairs of one epoch, in their order. `set_epoch` draws those of another.

    Args:
        groups: The targets of each source, as `open_cache` gives them.
        weights: The share of each source in the pairs, relative to the others.
        settings: The filter, the augmentation and the number of pairs in an epoch.
        seed: The seed of every random choice.

    Raises:
        InputError: No target of a source passes the filter.
    """

    settings: BoxDataSettings

    def __getitem__(self, index: int) -> BoxPair:  # type: ignore[override]
        group, number = self.plan[index]
        draw = np.random.default_rng([self.seed, self.epoch, index])
        target, kept = self.groups[group][number]
        first, second = self._two_frames(target, kept, draw)
        shown, s = read_thing(target, first), self.settings.box_augment
        present = draw.random() >= s.negative
        if not present:
            found = self._other(group, number, draw)
        else:
            found = shown if first == second else read_thing(target, second)
        flip = draw.random() < s.flip
        exemplar = exemplar_view(shown, flip, draw)
        view = search_view(found, flip, first == second, s, draw)
        boxed = self.settings.sources[group].kind != "folder"
        if first == second and boxed and chance(s.background, draw):
            behind = search_view(self._another(group, number, draw), flip, True, s, draw)
            view = view._replace(pixels=put_before(view.pixels, view.box, behind.pixels))
        if chance(s.left_behind, draw):
            other = self._another(group, number, draw)
            leave_behind(exemplar, shown.size, view.pixels, view.box, other, draw)
        exemplar, view = self._spoil(exemplar, view, group, number, draw)
        return BoxPair(
            _tensor(exemplar),
            _tensor(view.pixels),
            torch.tensor(view.box),
            torch.tensor(view.believed),
            torch.tensor(bool(present)),
            torch.tensor(boxed),
        )

    def _spoil(
        self, exemplar: Image, view: View, group: int, number: int, draw: Draw
    ) -> tuple[Image, View]:
        """Makes the search unlike the exemplar, by a distractor, occlusion, colours and blur."""
        s = self.settings.box_augment
        if draw.random() < s.distractor:
            paste_beside(view.pixels, view.box, self._other(group, number, draw), draw)
        if draw.random() < s.occlusion:
            occlude(view.pixels, view.box, draw)
        grey = bool(draw.random() < s.grey)
        exemplar = recolour(exemplar, s.colour, grey, draw)
        pixels = recolour(view.pixels, s.colour, grey, draw)
        if chance(s.low_resolution, draw):
            pixels = reduce_resolution(pixels, draw)
        pixels = blur(pixels, s.blur, s.motion_blur, draw)
        if s.noise:
            pixels = grain(pixels, s.noise, draw)
        return exemplar, view._replace(pixels=pixels)

    def _other(self, group: int, number: int, draw: Draw) -> Thing:
        """Draws another target of the source: of the same class with the probability `alike`.

        A target of the same picture is not taken as one of the same class, since a view of it may
        show both.
        """
        alike = self.alike[group]
        others = alike.of_class(number) if chance(self.settings.box_augment.alike, draw) else []
        if others:
            other = others[int(draw.integers(len(others)))]
            if alike.pictures[other] != alike.pictures[number]:
                target, kept = self.groups[group][other]
                return read_thing(target, int(draw.choice(kept)))
        return self._another(group, number, draw)

    def _two_frames(
        self, target: CachedTarget, kept: NDArray[np.int64], draw: Draw
    ) -> tuple[int, int]:
        """Draws two frames less than `max_gap` apart, in any order, or one twice if none are."""
        z = int(draw.choice(kept))
        gaps = np.abs(target.frames[kept] - target.frames[z])
        near = kept[(gaps > 0) & (gaps < self.settings.filter.max_gap)]
        return z, (z if target.is_still or not len(near) else int(draw.choice(near)))


def open_box_pairs(settings: BoxDataSettings, seed: int) -> BoxPairs:
    """Reads the sources, makes the crops that the cache lacks, and gives the pairs.

    Args:
        settings: The sources, and how pairs are made of them.
        seed: The seed of every random choice.

    Raises:
        InputError: As `rbsf.data.pairs.open_pairs`.
    """
    sources = open_sources(settings)
    weights = [source.weight for source in settings.sources]
    pairs = BoxPairs([source.targets for source in sources], weights, settings, seed)
    pairs.describe(sources)
    return pairs


def _tensor(image: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
