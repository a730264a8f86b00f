"""Training pairs (exemplar, search): which frames qualify, which two are drawn, and in which order.

Everything random about pair i of epoch e follows from (seed, e, i) alone. So the pairs do not
depend on the number of workers or processes, and a run can resume in the middle of an epoch as if
it had never stopped.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch.utils.data import Dataset

from rbsf.config import Settings
from rbsf.data.alike import Alike
from rbsf.data.augment import Augment, AugmentSettings, Pair
from rbsf.data.cache import CachedSource, open_cache
from rbsf.data.crops import CachedTarget, CropSettings
from rbsf.data.sources import SourceSettings
from rbsf.data.synthesis import two_moments
from rbsf.data.thing import Draw, Thing, chance, read_thing
from rbsf.errors import InputError


class FilterSettings(Settings):
    """Which frames may enter a pair. The defaults are siamfc-pytorch's."""

    min_side: float = Field(20, ge=1, description="The least width and height, in pixels.")
    max_side: float = Field(500, ge=1, description="The largest width and height, in pixels.")
    min_share: float = Field(0.01, ge=0, le=1, description="The least share of the frame.")
    max_share: float = Field(0.5, ge=0, le=1, description="The largest share of the frame.")
    max_aspect: float = Field(4, ge=1, description="The largest ratio of the two sides.")
    max_gap: int = Field(100, ge=1, description="Exemplar and search are closer than this.")

    def keep(self, target: CachedTarget) -> NDArray[np.int64]:
        """Gives the indices of the crops that may enter a pair.

        Their boxes are within the limits of size, share and aspect. Their cover is above 1, and
        above 30% of the target's best.
        """
        sides = target.boxes[:, 2:]
        share = sides / target.frame_sizes
        aspect = sides[:, 0] / sides[:, 1]
        fit = ((sides >= self.min_side) & (sides <= self.max_side)).all(axis=1)
        fit &= ((share >= self.min_share) & (share <= self.max_share)).all(axis=1)
        fit &= (aspect <= self.max_aspect) & (aspect >= 1 / self.max_aspect)
        fit &= target.cover > max(1.0, 0.3 * float(target.cover.max(initial=0)))
        return np.flatnonzero(fit)


class DataSettings(Settings):
    """The sources of pairs, which are mixed by weight, and how pairs are made of them."""

    root: str = Field("data", description="The folder that the sources lie in.")
    cache: str = Field("cache", description="The folder for the crops.")
    sources: tuple[SourceSettings, ...] = Field(
        (SourceSettings(),), min_length=1, description="Where pairs come from."
    )
    pairs_per_epoch: int | None = Field(
        None,
        ge=1,
        description="Pairs in an epoch. null gives one pair for each target, as in SiamFC.",
    )
    hold_out: int = Field(
        0,
        ge=0,
        description="One in so many sequences is left out, to compare networks on. 0 leaves out "
        "none.",
    )
    crop: CropSettings = Field(CropSettings(), description="How crops are cut.")
    filter: FilterSettings = Field(FilterSettings(), description="Which boxes are fit for a pair.")
    augment: AugmentSettings = Field(AugmentSettings(), description="How crops are changed.")

    def in_folders(self, root: Path | None, cache: Path | None) -> DataSettings:
        """The same settings with other folders.

        Args:
            root: The folder that the sources lie in. None keeps it.
            cache: The folder for the crops. None keeps it.
        """
        given = {key: str(path) for key, path in (("root", root), ("cache", cache)) if path}
        return self.model_copy(update=given)


class PairDataset(Dataset[Pair]):
    """The pairs of one epoch, in their order. `set_epoch` draws those of another.

    Args:
        groups: The targets of each source, as `open_cache` gives them.
        weights: The share of each source in the pairs, relative to the others.
        settings: The filter, the augmentation and the number of pairs in an epoch.
        seed: The seed of every random choice.

    Attributes:
        remarks: What a user should know about the data, in lines to print.
        digest: A hash of the data's content, see `describe`.

    Raises:
        InputError: No target of a source passes the filter.
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
        self.remarks: list[str] = []
        self.digest = ""
        self.groups = []
        for source, listed in zip(settings.sources, groups, strict=True):
            targets = _trained(listed, settings.hold_out)
            usable = [(t, kept) for t in targets if len(kept := settings.filter.keep(t))]
            if not usable:
                raise InputError(
                    f"no frame of {source.path} passes data.filter: loosen min_side or max_share"
                )
            if dropped := len(targets) - len(usable):
                have = "has" if dropped == 1 else "have"
                self.remarks.append(
                    f"{source.path}: {dropped} of {len(targets)} targets {have} no frame that "
                    "passes data.filter"
                )
            self.groups.append(usable)
        self.alike = [Alike([target for target, _ in group]) for group in self.groups]
        scenes = [max(alike.pictures) + 1 for alike in self.alike]
        self.first_scenes = np.cumsum([0, *scenes]).tolist()
        self.set_epoch(0)

    def describe(self, sources: list[CachedSource]) -> None:
        """Takes the digest and the remarks of the sources that the pairs are drawn from."""
        digests = "\n".join(source.digest for source in sources)
        self.digest = hashlib.sha256(digests.encode()).hexdigest()
        self.remarks = [line for source in sources for line in source.remarks] + self.remarks

    def set_epoch(self, epoch: int) -> None:
        """Draws the order of an epoch: whole passes over the targets of each source, shuffled."""
        self.epoch = epoch
        draw = np.random.default_rng([self.seed, epoch])
        plan = []
        for index, (group, count) in enumerate(zip(self.groups, self._counts(), strict=True)):
            passes = -(-count // len(group))
            order = [target for _ in range(passes) for target in draw.permutation(len(group))]
            plan += [(index, int(target)) for target in order[:count]]
        self.plan = [plan[i] for i in draw.permutation(len(plan))]

    def _counts(self) -> list[int]:
        """The number of pairs that each source gives to an epoch."""
        total = self.settings.pairs_per_epoch
        if total is None:
            return [len(group) for group in self.groups]
        shares = np.cumsum([0.0, *self.weights]) / sum(self.weights)
        return np.diff(np.round(shares * total).astype(int)).tolist()

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Pair:
        group, number = self.plan[index]
        draw = np.random.default_rng([self.seed, self.epoch, index])
        target, kept = self.groups[group][number]
        first, second = self._draw(target, kept, draw)
        shown, s = read_thing(target, first), self.augment.settings
        found = shown if first == second else read_thing(target, second)
        boxed = self.settings.sources[group].kind != "folder"
        if target.is_still and boxed and chance(s.synthesis, draw):
            shown, found = two_moments(shown, self._another(group, number, draw), draw)
        other = self._distractor(group, number, draw) if chance(s.distractor, draw) else None
        return self.augment(shown, found, other, draw, self._scene(group, number))

    def _scene(self, group: int, number: int) -> int:
        """The number of the sequence or photograph of a target, among those of all sources."""
        return self.first_scenes[group] + self.alike[group].pictures[number]

    def _distractor(self, group: int, number: int, draw: Draw) -> Thing | None:
        """Draws a target that is easily mistaken for another. None if the source has no other."""
        found = self.alike[group].draw(number, draw)
        if found is None:
            return None
        target, kept = self.groups[group][found]
        return read_thing(target, int(draw.choice(kept)))

    def _another(self, group: int, number: int, draw: Draw) -> Thing:
        """Draws another target of the same source, or the same target if there is no other."""
        targets = self.groups[group]
        step = int(draw.integers(1, max(2, len(targets))))
        target, kept = targets[(number + step) % len(targets)]
        return read_thing(target, int(draw.choice(kept)))

    def _draw(self, target: CachedTarget, kept: NDArray[np.int64], draw: Draw) -> tuple[int, int]:
        """Draws the crops of exemplar and search, the earlier frame first.

        The two are fewer than `max_gap` frames apart. They are the same if no other frame is near
        enough.
        """
        times = target.frames[kept]
        z = int(draw.integers(len(kept)))
        gaps = np.abs(times - times[z])
        near = np.flatnonzero((gaps > 0) & (gaps < self.settings.filter.max_gap))
        if target.is_still or not len(near):
            return int(kept[z]), int(kept[z])
        first, second = sorted((z, int(draw.choice(near))))
        return int(kept[first]), int(kept[second])


def _trained(targets: list[CachedTarget], hold_out: int) -> list[CachedTarget]:
    """The targets of a source that are not held out of training. Stills never are held out."""
    return [t for i, t in enumerate(targets) if not hold_out or t.is_still or i % hold_out]


def open_pairs(settings: DataSettings, seed: int) -> PairDataset:
    """Reads the sources, makes the crops that the cache lacks, and gives the pairs.

    Args:
        settings: The sources, and how pairs are made of them.
        seed: The seed of every random choice.

    Raises:
        InputError: Data is missing or damaged, or no frame of a source passes the filter, as
            `open_cache` and `PairDataset` have it.
    """
    sources = open_sources(settings)
    weights = [source.weight for source in settings.sources]
    pairs = PairDataset([source.targets for source in sources], weights, settings, seed)
    pairs.describe(sources)
    return pairs


def open_sources(settings: DataSettings, *, look: bool = False) -> list[CachedSource]:
    """Opens the crops of each source, and makes those that the cache lacks.

    Args:
        settings: The sources, and how crops are cut.
        look: Whether each image is looked at, as `open_cache` has it.

    Raises:
        InputError: Data is missing or damaged, as `open_cache` has it.
    """
    root, cache = Path(settings.root), Path(settings.cache)
    return [
        open_cache(source, root, cache, settings.crop, settings.filter.max_gap, look=look)
        for source in settings.sources
    ]
