"""Training in one process or many: rank, world, device, and DistributedDataParallel.

`torchrun`, on one machine or several, sets RANK, LOCAL_RANK and WORLD_SIZE, and a process group is
opened. Without it there is a single process, and nothing is wrapped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from rbsf.cores import usable_cores
from rbsf.errors import InputError

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others. NCCL's ten minutes would be too short where one machine
of several still makes its crops."""

MOST_WORKERS = 32
"""The most processes that make pairs for one GPU. Each needs memory."""


class World(NamedTuple):
    """This process among all processes of a training.

    Attributes:
        rank: The number of this process, from 0.
        size: How many processes there are.
        device: The device that this process computes on.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Wraps a module so that a backward pass averages its gradients over all processes."""
        if self.size == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=devices)

    def barrier(self) -> None:
        """Waits until all processes have come here."""
        if self.size > 1:
            distributed.barrier()

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process. All processes get the same answer."""
        if self.size == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(flags)
        return bool(flags > 0)

    def workers(self, asked: int | None) -> int:
        """How many processes make pairs for this one.

        Without a GPU the steps need the cores themselves, and one process keeps up with them.

        Args:
            asked: What the settings ask for. None leaves it to the machine.
        """
        if asked is not None:
            return asked
        if self.device.type != "cuda":
            return 1
        return max(1, min(MOST_WORKERS, usable_cores() // _local_size()))

    def share(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replaces each tensor by that of the main process, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def average(self, tensors: list[torch.Tensor]) -> None:
        """Replaces each tensor by its mean over all processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)
                tensor /= self.size


@contextmanager
def open_world(device: str) -> Iterator[World]:
    """Opens the world of this process, and closes it at the end of the block.

    Args:
        device: "cpu", "cuda" or "cuda:N". "auto" is a CUDA device if there is one, else the CPU.

    Raises:
        InputError: The device is unknown or does not exist here.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    world = World(_rank(), size, pick_device(device))
    if size > 1:
        on_gpu = world.device.type == "cuda"
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo",
            timeout=PATIENCE,
            device_id=world.device if on_gpu else None,
        )
    try:
        yield world
    finally:
        if size > 1:
            distributed.destroy_process_group()


def pick_device(name: str) -> torch.device:
    """Finds the device of this process, and makes it the current one.

    Args:
        name: "cpu", "cuda" or "cuda:N". "auto" is a CUDA device if there is one, else the CPU. With
            "auto" and "cuda", each process of a machine gets a GPU of its own.

    Raises:
        InputError: The device is unknown or does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device {name!r} is unknown: use auto, cpu, cuda or cuda:N") from None
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        raise InputError(f"device {name!r} cannot be used without CUDA: set device to cpu or auto")
    index = int(os.environ.get("LOCAL_RANK", 0)) if device.index is None else device.index
    if index >= (count := torch.cuda.device_count()):
        raise InputError(
            f"there is no GPU {index}, because this machine has {count}: start {count} processes "
            "(--nproc-per-node), or set another device"
        )
    device = torch.device("cuda", index)
    torch.cuda.set_device(device)
    return device


def is_main_process() -> bool:
    """Whether this process is the one that writes files, also before a world is open."""
    return _rank() == 0


def _rank() -> int:
    return int(os.environ.get("RANK", 0))


def _local_size() -> int:
    """How many processes of the training run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))
