"""Training pairs (exemplar, search): which frames are fit, which two are drawn, in which order.

Everything random about pair `i` of epoch `e` follows from (seed, e, i) alone: the order does not
depend on workers or processes, and a run can go on in the middle of an epoch as if never stopped.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset

from rbsf.config import Settings
from rbsf.console import console
from rbsf.data.augment import Augment, AugmentSettings, Pair, chance
from rbsf.data.cache import CachedTarget, CropSettings, build_cache
from rbsf.data.sources import SourceSettings, read_source
from rbsf.errors import InputError


class FilterSettings(Settings):
    """Which frames may enter a pair. Defaults are siamfc-pytorch's."""

    min_side: float = Field(20, ge=1, description="px, of width and height")
    max_side: float = Field(500, ge=1, description="px, of width and height")
    min_share: float = Field(0.01, ge=0, le=1, description="of the frame's width and height")
    max_share: float = Field(0.5, ge=0, le=1, description="of the frame's width and height")
    max_aspect: float = Field(4, ge=1, description="between width and height, either way")
    max_gap: int = Field(100, ge=1, description="frames between exemplar and search, exclusive")

    def keep(self, target: CachedTarget) -> NDArray[np.int64]:
        """Indices of the frames fit in size, share, aspect, and seen at over 30% of their best."""
        sides = target.boxes[:, 2:]
        share = sides / target.frame_sizes
        aspect = sides[:, 0] / sides[:, 1]
        fit = ((sides >= self.min_side) & (sides <= self.max_side)).all(axis=1)
        fit &= ((share >= self.min_share) & (share <= self.max_share)).all(axis=1)
        fit &= (aspect <= self.max_aspect) & (aspect >= 1 / self.max_aspect)
        fit &= target.cover > max(1.0, 0.3 * float(target.cover.max(initial=0)))
        return np.flatnonzero(fit)


class DataSettings(Settings):
    """Sources mixed by weight, and how pairs are made of them."""

    root: str = "data"
    cache: str = "cache"
    sources: tuple[SourceSettings, ...] = Field((SourceSettings(),), min_length=1)
    pairs_per_epoch: int | None = Field(
        None, ge=1, description="none: one pair a target, whatever the weights (SiamFC's epoch)"
    )
    crop: CropSettings = CropSettings()
    filter: FilterSettings = FilterSettings()
    augment: AugmentSettings = AugmentSettings()


class PairDataset(Dataset[Pair]):
    """The pairs of one epoch, in order; `set_epoch` draws another.

    Args:
        groups: the targets of each source, opened.
        weights: each source's share.
        settings: filter, augmentation, pairs an epoch.
        seed: of everything random.

    Raises:
        InputError: a source has no target that passes the filter.
    """

    def __init__(
        self,
        groups: list[list[CachedTarget]],
        weights: list[float],
        settings: DataSettings,
        seed: int,
    ) -> None:
        self.settings, self.seed, self.weights = settings, seed, weights
        self.augment = Augment(settings.augment)
        self.groups = []
        for source, targets in zip(settings.sources, groups, strict=True):
            usable = [(t, kept) for t in targets if len(kept := settings.filter.keep(t))]
            if not usable:
                raise InputError(
                    f"no frame of {source.path} passes data.filter: loosen min_side or max_share"
                )
            if len(usable) < len(targets):
                dropped = len(targets) - len(usable)
                console.print(f"{source.path}: {dropped} of {len(targets)} targets pass no filter")
            self.groups.append(usable)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws the epoch's order: whole passes over each source's targets, then shuffled."""
        self.epoch = epoch
        draw = np.random.default_rng([self.seed, epoch])
        plan = []
        for index, (group, count) in enumerate(zip(self.groups, self._counts(), strict=True)):
            passes = -(-count // len(group))
            order = [target for _ in range(passes) for target in draw.permutation(len(group))]
            plan += [(index, int(target)) for target in order[:count]]
        self.plan = [plan[i] for i in draw.permutation(len(plan))]

    def _counts(self) -> list[int]:
        """Pairs of each source in an epoch."""
        total = self.settings.pairs_per_epoch
        if total is None:
            return [len(group) for group in self.groups]
        shares = np.cumsum([0.0, *self.weights]) / sum(self.weights)
        return np.diff(np.round(shares * total).astype(int)).tolist()

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Pair:
        group, number = self.plan[index]
        target, kept = self.groups[group][number]
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would queue a call for every absent accelerator, each time
            torch.default_generator.manual_seed(_seed(self.seed, self.epoch, index))
            z, x = self._draw(target, kept)
            first = torch.from_numpy(target.crop(z)).permute(2, 0, 1)
            second = first if z == x else torch.from_numpy(target.crop(x)).permute(2, 0, 1)
            other = self._other(group, number) if chance(self.augment.settings.distractor) else None
            return self.augment(first, second, other)

    def _other(self, group: int, number: int) -> Tensor | None:
        """A crop of another target of the same source, (3, S, S); none where there is one alone."""
        targets = self.groups[group]
        if len(targets) == 1:
            return None
        step = 1 + int(torch.randint(len(targets) - 1, ()))
        target, kept = targets[(number + step) % len(targets)]
        frame = int(kept[int(torch.randint(len(kept), ()))])
        return torch.from_numpy(target.crop(frame)).permute(2, 0, 1)

    def _draw(self, target: CachedTarget, kept: NDArray[np.int64]) -> tuple[int, int]:
        """Two distinct frames, exemplar first, less than `max_gap` apart; else one frame twice."""
        times = target.frames[kept]
        z = int(torch.randint(len(kept), ()))
        later = np.flatnonzero(
            (times > times[z]) & (times < times[z] + self.settings.filter.max_gap)
        )
        earlier = np.flatnonzero(
            (times < times[z]) & (times > times[z] - self.settings.filter.max_gap)
        )
        near = np.concatenate([earlier, later])
        if target.is_still or not len(near):
            return int(kept[z]), int(kept[z])
        pair = sorted((z, int(near[int(torch.randint(len(near), ()))])))
        return int(kept[pair[0]]), int(kept[pair[1]])


def _seed(*parts: int) -> int:
    """A 63-bit seed that differs between any two tuples of numbers."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def open_pairs(settings: DataSettings, seed: int) -> PairDataset:
    """Reads the sources, makes what the crop cache lacks, and gives the pairs.

    Raises:
        InputError: as `read_source`, `build_cache`, `PairDataset`.
    """
    weights = [source.weight for source in settings.sources]
    return PairDataset(open_targets(settings), weights, settings, seed)


def open_targets(settings: DataSettings) -> list[list[CachedTarget]]:
    """The targets of each source, their crops made where the cache lacks them.

    Raises:
        InputError: as `read_source`, `build_cache`.
    """
    return [
        build_cache(
            read_source(source, Path(settings.root)),
            Path(settings.cache) / f"{source.kind}-{source.path.replace('/', '-')}-{source.subset}",
            settings.crop,
            source.path,
        )
        for source in settings.sources
    ]
