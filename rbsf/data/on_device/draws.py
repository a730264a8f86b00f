"""Random numbers on a device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Draws:
    """Draws numbers on a device. Equal seeds give equal numbers there.

    Args:
        device: The device.
        seed: Whole numbers of at least 0, for example the seed of a run, an epoch and a batch.
    """

    def __init__(self, device: torch.device, seed: tuple[int, ...]) -> None:
        self.device = device
        state = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        self.generator = torch.Generator(device).manual_seed(state >> 1)

    def __call__(self, *shape: int) -> Tensor:
        """Numbers between 0 and 1, evenly spread."""
        return torch.rand(shape, device=self.device, generator=self.generator)

    def between(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between two others, evenly spread."""
        return low + (high - low) * self(*shape)

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers of mean 0 and deviation 1."""
        return torch.randn(shape, device=self.device, generator=self.generator)

    def below(self, limits: Tensor) -> Tensor:
        """Whole numbers from 0 to each limit, which is left out."""
        drawn = (self(len(limits)) * limits).long()
        return torch.minimum(drawn, (limits - 1).clamp(min=0))

    def some(self, count: int, share: float) -> Tensor:
        """A share of the numbers below `count`, each at most once."""
        order = torch.randperm(count, device=self.device, generator=self.generator)
        return order[: round(share * count)]
