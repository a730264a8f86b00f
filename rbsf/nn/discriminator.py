"""Discriminators: does a map come from the full-precision network or from the binary one?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Entry = Literal["positions", "average", "flattened"]

GRID = 6
"""Cells a side that a map is averaged down to before it is flattened: an exemplar's feature's."""


class Discriminator(nn.Module):
    """D(.) of RBCN: linear layers C -> 128 -> 256 -> 128 -> 1, LeakyReLU after the first three.

    The last layer gives a logit; a LeakyReLU behind it could be no probability. The channel vector
    at every position goes in, and the logits are averaged, so 6x6 and 22x22 maps share one D
    (`positions`); `average` averages the vectors instead; `flattened` takes the whole map as one
    vector, averaged down to 6x6 so that one D still serves all sizes.

    Shapes:
        map (N, C, h, w) of any size, normalised (`normalise`) so that its scale gives nothing away
        -> logits (N,).
    """

    def __init__(self, channels: int, entry: Entry = "positions") -> None:
        super().__init__()
        inputs = channels * GRID**2 if entry == "flattened" else channels
        widths = (inputs, 128, 256, 128, 1)
        layers: list[nn.Module] = []
        for width, next_width in pairwise(widths):
            layers += [nn.Linear(width, next_width), nn.LeakyReLU(0.2)]
        self.mlp = nn.Sequential(*layers[:-1])
        self.entry = entry

    def forward(self, feature_map: Tensor) -> Tensor:
        if self.entry == "flattened":
            vectors = F.adaptive_avg_pool2d(feature_map, GRID).flatten(1).unsqueeze(1)
        else:
            vectors = feature_map.flatten(2).transpose(1, 2)
        if self.entry == "average":
            vectors = vectors.mean(dim=1, keepdim=True)
        logits: Tensor = self.mlp(vectors)
        return logits.float().mean(dim=(1, 2))


def normalise(feature_map: Tensor) -> Tensor:
    """A map (N, C, h, w) with each channel at mean 0, variance 1 over batch and positions."""
    x = feature_map.float()
    unit, zero = x.new_ones(x.shape[1]), x.new_zeros(x.shape[1])  # without them it runs far slower
    return F.batch_norm(x, None, None, unit, zero, training=True, eps=1e-6)


class Discriminators(nn.Module):
    """One Discriminator a layer, by layer name."""

    def __init__(self, channels: Mapping[str, int], entry: Entry = "positions") -> None:
        super().__init__()
        self.by_layer = nn.ModuleDict(
            {name: Discriminator(c, entry) for name, c in channels.items()}
        )

    def forward(self, maps: Mapping[str, Tensor]) -> Tensor:
        """Maps (N, C_l, h, w) by layer -> logits (L, N), in the discriminators' order."""
        return torch.stack([d(maps[name]) for name, d in self.by_layer.items()])
