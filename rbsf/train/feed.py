"""Feeds a training process with its pairs, batch by batch, from workers that outlive the epochs.

Starting workers takes longer than a GPU needs for many batches, and an epoch of a full run has only
a few hundred. So the workers are kept, and each pair is asked for by its epoch and its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch.utils.data import DataLoader, Dataset

from rbsf.train.distributed import World


class Drawn(Protocol):
    """A data set whose items are drawn anew in each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Draws the items of an epoch, counted from 0."""

    def __getitem__(self, index: int) -> Any: ...


class BatchFeed(Protocol):
    """What a training process takes its batches from."""

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Gives the batches of an epoch from number `first` on, not yet on the device."""
        ...


class Feed:
    """The batches of this process.

    In each step of an epoch, every process takes its own `batch` pairs, in the order of the ranks.

    Args:
        dataset: The pairs, or other things that a DataLoader stacks.
        batch: The number of pairs in a batch of one process.
        steps: The number of batches in an epoch.
        world: This process among all.
        workers: How many processes make pairs, as `World.workers` has it.
    """

    def __init__(
        self, dataset: Drawn, batch: int, steps: int, world: World, workers: int | None
    ) -> None:
        self.order = _Order(batch, steps, world)
        count = world.workers(workers)
        self.loader: DataLoader[Any] = DataLoader(
            _AnyEpoch(dataset),
            batch_sampler=self.order,
            num_workers=count,
            prefetch_factor=4 if count else None,
            persistent_workers=count > 0,
            pin_memory=world.device.type == "cuda",
        )

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Gives the batches of an epoch, as stacked pairs, from number `first` on."""
        self.order.epoch, self.order.first = epoch, first
        return iter(self.loader)


class _Order:
    """The pairs of each batch as (epoch, index)."""

    def __init__(self, batch: int, steps: int, world: World) -> None:
        self.batch, self.steps, self.world = batch, steps, world
        self.epoch = self.first = 0

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for number in range(self.first, self.steps):
            start = (number * self.world.size + self.world.rank) * self.batch
            yield [(self.epoch, index) for index in range(start, start + self.batch)]

    def __len__(self) -> int:
        return self.steps - self.first


class _AnyEpoch(Dataset[Any]):
    """The pairs of all epochs. A worker has a copy, and draws an epoch when it is first asked."""

    def __init__(self, dataset: Drawn) -> None:
        self.dataset = dataset
        self.epoch: int | None = None

    def __getitem__(self, place: tuple[int, int]) -> Any:
        epoch, index = place
        if epoch != self.epoch:
            self.dataset.set_epoch(epoch)
            self.epoch = epoch
        return self.dataset[index]
