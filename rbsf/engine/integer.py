"""A packed network run by torch: the packed engine's arithmetic, step by step, on any machine.

Sums of integers below 2^24 are exact in float32, in any order. So these are the engine's bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from rbsf.binarize.levels import unit_of
from rbsf.engine.crops import checked_crops
from rbsf.engine.format import STEPS, PackedLayer, PackedNetwork
from rbsf.engine.origin import Reloadable
from rbsf.nn import BinaryAlexNetV1, SiamFC


class IntegerNetwork:
    """Runs a PackedNetwork on the CPU.

    Args:
        network: The network to run.
    """

    def __init__(self, network: PackedNetwork) -> None:
        self.layers = [_Layer(layer) for layer in network.layers]

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """Computes every layer's map.

        Args:
            pixels: RGB crops (N, 3, S, S), 0 to 255.

        Returns:
            One map (N, C, h, w) per layer. Its values are +-1 or the levels 0 to 3, except for the
            last layer's.
        """
        first = self.layers[0](pixels.float())
        return [first, *self.maps_from_bits(first)]

    def last_sums(self, pixels: Tensor) -> Tensor:
        """Computes the sums S of the last layer, whose map is scale * S + bias.

        Args:
            pixels: RGB crops (N, 3, S, S), 0 to 255.
        """
        x = pixels.float()
        for layer in self.layers[:-1]:
            x = layer(x)
        return self.layers[-1].sums(x)

    def maps_from_bits(self, first: Tensor) -> list[Tensor]:
        """Computes the maps of all layers but the first from the first one's.

        Args:
            first: The first layer's map (N, C, h, w), +-1 or levels.
        """
        maps = [first]
        for layer in self.layers[1:]:
            maps.append(layer(maps[-1]))
        return maps[1:]


class _Layer:
    """Convolution and pool, then thresholds and flip, or scale and bias with a rounding each."""

    def __init__(self, layer: PackedLayer) -> None:
        largest = 255 if layer.kind == "pixels" else STEPS
        reach = largest * int(np.abs(layer.weights.astype(np.int64)).sum(axis=(1, 2, 3)).max())
        self.exact = torch.float32 if reach < 2**24 else torch.float64
        self.weights = torch.from_numpy(layer.weights).to(self.exact)
        self.stride, self.groups, self.pool = layer.stride, layer.groups, layer.pool
        self.output = layer.output
        steps = np.zeros((0, 1)) if layer.thresholds is None else np.atleast_2d(layer.thresholds)
        self.thresholds, self.flips = [_column(step) for step in steps], _column(layer.flips)
        self.scale, self.bias = _column(layer.scale), _column(layer.bias)

    def sums(self, x: Tensor) -> Tensor:
        """The sums, whole numbers, after the pool."""
        sums = F.conv2d(x.to(self.exact), self.weights, stride=self.stride, groups=self.groups)
        return F.max_pool2d(sums, kernel_size=3, stride=2) if self.pool else sums

    def __call__(self, x: Tensor) -> Tensor:
        sums = self.sums(x)
        if self.output == "real":
            return sums.float() * self.scale + self.bias
        reached = sum((sums >= step).float() for step in self.thresholds)
        level = torch.where(self.flips, len(self.thresholds) - reached, reached)
        return level if self.output == "levels" else level * 2 - 1


def _column(values: NDArray[Any] | None) -> Tensor:
    return torch.from_numpy(np.zeros(0) if values is None else values).reshape(-1, 1, 1)


@torch.inference_mode()
def differing_bits(model: SiamFC, network: PackedNetwork, crops: NDArray[np.uint8]) -> list[float]:
    """The share of bits, or levels, in which a packed student differs from the one it was made of.

    The differences come from the first layer's 8-bit weights and grow from layer to layer.

    Args:
        model: The student in eval mode.
        network: The same student, packed.
        crops: RGB uint8 crops (N, S, S, 3).

    Returns:
        One share for each layer but the last, 0 to 1.
    """
    assert isinstance(model.backbone, BinaryAlexNetV1)
    readers = [conv.activation_binarizer for conv in model.backbone.binary_layers().values()]
    packed, shares = IntegerNetwork(network), np.zeros(len(readers))
    for crop in crops:  # one by one, since the maps of many would take much memory
        pixels = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
        triples = zip(readers, model.backbone.maps(pixels), packed.maps(pixels), strict=False)
        shares += [(read(a) / unit_of(read) != b).float().mean().item() for read, a, b in triples]
    return list(map(float, shares / len(crops)))


class IntegerEmbedder(Reloadable):
    """A PackedNetwork run by torch as an Embedder (see `rbsf.embedder.Embedder`).

    Args:
        network: The network to run.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in memory.
    """

    engine = "torch"
    path = ""

    def __init__(self, network: PackedNetwork, name: str, weights_sha256: str = "") -> None:
        self.network = IntegerNetwork(network)
        self.name, self.weights_sha256 = name, weights_sha256
        self.response_gain = network.response_gain
        self.response_bias = network.response_bias

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(checked_crops(crops)).permute(0, 3, 1, 2)
        feature: NDArray[np.float32] = self.network.maps(pixels)[-1].numpy()
        return feature
