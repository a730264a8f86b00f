"""Discriminators, which judge whether a map comes from the teacher or from the binary student."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

Entry = Literal["positions", "filters", "average", "flattened"]

GRID = 6
"""The side that a map is averaged down to before it is flattened: that of an exemplar's feature."""


class Discriminator(nn.Module):
    """The D of RBCN: linear layers C -> 128 -> 256 -> 128 -> 1 with LeakyReLU between them.

    The paper prints a LeakyReLU after the last layer too. We leave it out, because its output is
    not a probability; our last layer gives a logit.

    Args:
        channels: The channels C of the maps.
        entry: How a map enters, and so what is judged. "positions" judges the channel vector at
            every position: V = h w verdicts. "filters" judges the map of every filter i by itself,
            averaged down to 6x6, which is the D(T_i) of eq. 4: V = C. "average" judges the average
            of the channel vectors: V = 1. "flattened" judges all maps at once, averaged down to
            6x6: V = 1. All four take maps of any size, so exemplars and searches share one D.

    Shapes:
        Input: (N, C, h, w), a map made by `normalise`, so that its scale does not reveal its
        origin. Output: the logits of the verdicts, (N, V).
    """

    def __init__(self, channels: int, entry: Entry = "positions") -> None:
        super().__init__()
        inputs = {"flattened": channels * GRID**2, "filters": GRID**2}.get(entry, channels)
        widths = (inputs, 128, 256, 128, 1)
        layers: list[nn.Module] = []
        for width, next_width in pairwise(widths):
            layers += [nn.Linear(width, next_width), nn.LeakyReLU(0.2)]
        self.mlp = nn.Sequential(*layers[:-1])
        self.entry = entry

    def forward(self, feature_map: Tensor) -> Tensor:
        if self.entry in {"filters", "flattened"}:
            vectors = F.adaptive_avg_pool2d(feature_map, GRID).flatten(2)
        else:
            vectors = feature_map.flatten(2).transpose(1, 2)
        if self.entry == "flattened":
            vectors = vectors.flatten(1).unsqueeze(1)
        elif self.entry == "average":
            vectors = vectors.mean(dim=1, keepdim=True)
        logits: Tensor = self.mlp(vectors)
        return logits.float().squeeze(2)


def normalise(feature_map: Tensor) -> Tensor:
    """Scales each channel of a map (N, C, h, w) to mean 0, variance 1 over batch and positions."""
    x = feature_map.float()
    unit, zero = x.new_ones(x.shape[1]), x.new_zeros(x.shape[1])  # batch_norm is slow without them
    return F.batch_norm(x, None, None, unit, zero, training=True, eps=1e-6)


class Discriminators(nn.Module):
    """One `Discriminator` for each layer.

    Args:
        channels: The channels of each layer's maps, by the layer's name.
        entry: How maps enter, see `Discriminator`.
    """

    def __init__(self, channels: Mapping[str, int], entry: Entry = "positions") -> None:
        super().__init__()
        self.by_layer = nn.ModuleDict(
            {name: Discriminator(c, entry) for name, c in channels.items()}
        )

    def forward(self, maps: Mapping[str, Tensor]) -> list[Tensor]:
        """Judges maps (N, C_l, h, w), given by layer: the logits (N, V_l) of each layer."""
        return [d(maps[name]) for name, d in self.by_layer.items()]
