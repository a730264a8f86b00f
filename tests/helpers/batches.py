"""Batches of random pairs, small ones: searches of 151 pixels give responses of 4x4."""

from __future__ import annotations

import torch

from rbsf.data import Pair
from rbsf.train.distributed import World
from rbsf.train.loop import Batch

CPU = World(0, 1, torch.device("cpu"))


def batch(seed: int = 0, pairs: int = 2) -> Batch:
    """Random pixels, targets in the middle."""
    generator = torch.Generator().manual_seed(seed)
    z, x = (
        torch.randint(0, 256, (pairs, 3, side, side), dtype=torch.uint8, generator=generator)
        for side in (127, 151)
    )
    return Batch(Pair(z, x, torch.zeros(pairs, 2)), CPU.device)
