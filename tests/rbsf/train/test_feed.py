"""The feed: which pairs a process gets, in which epochs, and from workers that stay."""

import os

import pytest
import torch
from tiny_data import write_got10k
from torch import multiprocessing
from torch.utils.data import Dataset

from rbsf.data import DataSettings, Pair, open_pairs
from rbsf.train.distributed import World
from rbsf.train.feed import Feed

CPU = torch.device("cpu")


class Numbers(Dataset):
    """Pairs that tell their epoch, their index and the process that made them."""

    epoch = None

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __getitem__(self, index):
        return Pair(torch.tensor(self.epoch), torch.tensor(index), torch.tensor(os.getpid()))


def feed(workers=0, rank=0, size=1, batch=2, steps=3):
    return Feed(Numbers(), batch, steps, World(rank, size, CPU), workers)


def seen(feed, epoch, first=0):
    return [
        list(zip(b[0].tolist(), b[1].tolist(), strict=True)) for b in feed.batches(epoch, first)
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_epochs_come_in_any_order_and_from_any_batch_on(workers):
    one = feed(workers)
    assert seen(one, 0) == [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4), (0, 5)]]
    assert seen(one, 0, first=2) == [[(0, 4), (0, 5)]]  # as the pass over batch norms asks for
    assert seen(one, 7, first=1) == [[(7, 2), (7, 3)], [(7, 4), (7, 5)]]
    assert seen(one, 1) == [[(1, 0), (1, 1)], [(1, 2), (1, 3)], [(1, 4), (1, 5)]]


def test_an_epoch_that_is_left_early_leaves_nothing_in_the_next():
    one = feed(workers=1)
    next(one.batches(0, 0))
    assert seen(one, 1) == seen(feed(), 1)


def test_processes_share_each_step():
    batches = [seen(feed(rank=rank, size=2, steps=2), 4) for rank in range(2)]
    assert batches == [
        [[(4, 0), (4, 1)], [(4, 4), (4, 5)]],
        [[(4, 2), (4, 3)], [(4, 6), (4, 7)]],
    ]


def test_workers_stay_from_epoch_to_epoch():
    one = feed(workers=1)
    makers = [{int(p) for b in one.batches(epoch, 0) for p in b[2]} for epoch in range(3)]
    assert len(makers[0]) == 1 and makers[0] == makers[1] == makers[2]
    assert os.getpid() not in makers[0]


def test_workers_that_are_spawned_make_the_same_pairs(tmp_path):
    """As on macOS, and wherever a user asks for it."""
    write_got10k(tmp_path)
    sources = [{"kind": "got10k", "path": "got10k"}]
    places = {"root": str(tmp_path), "cache": str(tmp_path / "cache")}
    data = DataSettings(sources=sources, pairs_per_epoch=4, **places)
    world = World(0, 1, CPU)
    here, spawned = (Feed(open_pairs(data, 0), 2, 2, world, count) for count in (0, 1))
    spawned.loader.multiprocessing_context = multiprocessing.get_context("spawn")
    for one, other in zip(here.batches(1, 0), spawned.batches(1, 0), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
