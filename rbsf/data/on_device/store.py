"""The crops of all targets in the memory of a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbsf.console import console
from rbsf.cores import usable_cores
from rbsf.data.alike import Alike
from rbsf.data.box_pairs import BoxPairs
from rbsf.data.crops import CachedTarget
from rbsf.data.thing import Thing, read_thing
from rbsf.errors import InputError

RESERVE = 6e9
"""How many bytes of a GPU are left for the training itself."""


class Store(NamedTuple):
    """The crops of all targets, as rows sorted by source, target and frame, on one device."""

    crops: Tensor
    """The crops, (M, 3, S, S), RGB uint8, with the target in the middle, see `rbsf.data.crops`."""
    sizes: Tensor
    """The targets' widths and heights, (M, 2), in pixels of the crop."""
    valid: Tensor
    """The left, top, right and bottom edge of the picture, (M, 4), in pixels of the crop."""
    near: Tensor
    """The first row and the one after the last, (M, 2), whose frames go with this one."""
    targets: Tensor
    """The first row of each target and the one after its last, (T, 2)."""
    sources: Tensor
    """The first target of each source and the one after its last, (K, 2)."""
    pictures: Tensor
    """The number of the picture or sequence that each target is in, (T,), in its source."""
    alike: Tensor
    """Where in `kin` the targets of each target's class begin and end, (T, 2). Targets without a
    class have none."""
    kin: Tensor
    """The numbers of targets, class by class, (R,)."""
    boxed: Tensor
    """Whether the boxes of a source are annotated, (K,) bool."""
    weights: Tensor
    """The share of each source in the pairs, (K,)."""


def load_store(pairs: BoxPairs, device: torch.device) -> Store:
    """Loads all crops that may enter a pair.

    Args:
        pairs: The targets, and the settings by which pairs are made of them.
        device: Where the crops go.

    Raises:
        InputError: A file of crops cannot be read, or the device has no room for the crops.
    """
    settings = pairs.settings
    targets = [target for group in pairs.groups for target in group]
    counts = np.array([len(kept) for _, kept in targets])
    side, rows = settings.crop.size, int(counts.sum())
    _check_room(rows, side, device)
    crops = torch.empty((rows, 3, side, side), dtype=torch.uint8, device=device)
    sizes, valid = np.empty((rows, 2)), np.empty((rows, 4))
    for row, thing in enumerate(_things(targets)):
        crops[row] = torch.from_numpy(thing.crop).permute(2, 0, 1).to(device)
        sizes[row], valid[row] = thing.size, thing.valid
    ends = np.cumsum(counts)
    starts = ends - counts
    gap = settings.filter.max_gap
    near = [
        start + _near(t.frames[kept], gap) for (t, kept), start in zip(targets, starts, strict=True)
    ]
    last = np.cumsum([len(group) for group in pairs.groups])
    first = np.concatenate([[0], last[:-1]])

    alike, kin = _classes(pairs.alike, first.tolist())

    def there(values: object, kind: torch.dtype) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=kind, device=device)

    return Store(
        crops,
        there(sizes, torch.float32),
        there(valid, torch.float32),
        there(np.concatenate(near), torch.long),
        there(np.stack([starts, ends], axis=1), torch.long),
        there(np.stack([first, last], axis=1), torch.long),
        there(np.concatenate([alike.pictures for alike in pairs.alike]), torch.long),
        there(alike, torch.long),
        there(kin, torch.long),
        there([source.kind != "folder" for source in settings.sources], torch.bool),
        there(pairs.weights, torch.float32),
    )


def _check_room(rows: int, side: int, device: torch.device) -> None:
    needed = rows * 3 * side**2
    console.print(f"{rows:,} crops take {needed / 1e9:.1f} GB on {device}", highlight=False)
    if device.type != "cuda":
        return
    free = torch.cuda.mem_get_info(device)[0]
    if needed + RESERVE > free:
        raise InputError(
            f"{rows:,} crops of {side} pixels need {needed / 1e9:.1f} GB of the GPU, beside "
            f"{RESERVE / 1e9:.0f} GB for the training, but {free / 1e9:.1f} GB are free: lower "
            "data.crop.frames, or set pairs_from to workers"
        )


def _things(targets: list[tuple[CachedTarget, NDArray[np.int64]]]) -> Iterator[Thing]:
    """Reads the crops of all targets on all cores, in order."""

    def read(target: tuple[CachedTarget, NDArray[np.int64]]) -> list[Thing]:
        return [read_thing(target[0], int(index)) for index in target[1]]

    block = 64
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(targets), block):  # not all of them at once in this memory
            for things in pool.map(read, targets[start : start + block]):
                yield from things


def _classes(groups: Sequence[Alike], first: list[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """The targets of each class in one list, and where in it those of each target's class are."""
    spans: list[tuple[int, int]] = []
    kin: list[int] = []
    for group, start in zip(groups, first, strict=True):
        known: dict[int, tuple[int, int]] = {}  # by the first target of the class
        for number in range(len(group.pictures)):
            members = group.of_class(number)
            if members and members[0] not in known:
                known[members[0]] = len(kin), len(kin) + len(members)
                kin += [start + member for member in members]
            spans.append(known[members[0]] if members else (0, 0))
    return spans, kin or [0]  # a tensor of no numbers cannot be indexed, not even in vain


def _near(frames: NDArray[np.int64], gap: int) -> NDArray[np.int64]:
    """The first and the one after the last of the frames that are closer than `gap`, (n, 2)."""
    low = np.searchsorted(frames, frames - gap, side="right")
    return np.stack([low, np.searchsorted(frames, frames + gap, side="left")], axis=1)
