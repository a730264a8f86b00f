"""The box head: where the target is and how large, from one search crop.

It works on the grid of SiamFC's response: cell i of a row is centred (i - 8) * 8 pixels from the
middle of the search crop, so the middle cell stands exactly on the believed place, and the head's
maps and the response can be added cell by cell.

A box is described relative to its cell and to the believed size, which the search crop was cut
for. An untrained head answers zero everywhere: every cell says "the believed size, centred here".
Sources of the design: NanoTrack V3 (depth-wise beside pixel-wise correlation), FEAR (towers of
separable convolutions), YOLOX and others (a quality map that estimates the IoU).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.nn.backbone import FEATURE_CHANNELS, STRIDE, BinaryAlexNetV1
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SiamFC

HEAD_CHANNELS = 96
EXEMPLAR_CELLS = 6
SHIFT_UNIT = 32.0
"""Pixels of the search crop that a box map's 1 stands for."""
TYPICAL_SIDE = EXEMPLAR_SIZE / 2
"""Side of a square target in a crop, pixels; believed sizes are told to the head relative to it."""
LARGEST_GROWTH = 1.5
"""Of the logarithm of a side in one step either way, so that no box is infinite or empty."""


class BoxMaps(NamedTuple):
    """What the head says at each cell of an r x r grid, r = 17 for a search crop of 255 pixels."""

    target: Tensor
    """Logits (N, r, r) of the target's middle being here."""
    quality: Tensor
    """Logits (N, r, r) of the IoU that the box told here has with the true one."""
    boxes: Tensor
    """Boxes (N, 4, r, r): centre x and y from the crop's middle, width, height, in its pixels."""


def cell_centers(size: int, device: torch.device | None = None) -> Tensor:
    """Places of a row's `size` cells relative to the crop's middle, pixels, (size,)."""
    return (torch.arange(size, device=device) - (size - 1) / 2) * STRIDE


def decode_boxes(codes: Tensor, believed: Tensor) -> Tensor:
    """Boxes from what the head's last layer gives.

    Args:
        codes: (N, 4, r, r): dx and dy from the cell in units of 32 pixels, and the logarithms of
            width and height relative to the believed ones.
        believed: (N, 2), width and height in the search crop, pixels.

    Returns:
        (N, 4, r, r): centre x and y from the search crop's middle, width, height, its pixels.
    """
    cells = cell_centers(codes.shape[-1], codes.device)
    x = cells + codes[:, 0] * SHIFT_UNIT
    y = cells[:, None] + codes[:, 1] * SHIFT_UNIT
    growth = codes[:, 2:].clamp(-LARGEST_GROWTH, LARGEST_GROWTH).exp()
    return torch.cat([x[:, None], y[:, None], believed[:, :, None, None] * growth], dim=1)


def depthwise_correlation(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Each channel correlated by itself: (N, C, a, a), (N, C, b, b) -> (N, C, b-a+1, b-a+1)."""
    n, c = exemplars.shape[:2]
    kernels = exemplars.reshape(n * c, 1, *exemplars.shape[-2:])
    maps = F.conv2d(searches.reshape(1, n * c, *searches.shape[-2:]), kernels, groups=n * c)
    return maps.reshape(n, c, *maps.shape[-2:])


def pixelwise_correlation(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Every exemplar cell with every search cell: (N, C, a, a), (N, C, b, b) -> (N, a*a, b, b).

    The products are averaged over channels, so that their size does not depend on C.
    """
    cells = exemplars.flatten(2).transpose(1, 2)
    products = cells @ searches.flatten(2) / exemplars.shape[1]
    return products.reshape(len(products), -1, *searches.shape[-2:])


def _pointwise(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _separable(channels: int) -> nn.Sequential:
    """A depth-wise 5x5 and a 1x1 convolution, each before batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        *_pointwise(channels, channels),
    )


def _answer(channels: int, maps: int) -> nn.Conv2d:
    """The last layer of a tower; it starts at zero."""
    layer = nn.Conv2d(channels, maps, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class BoxHead(nn.Module):
    """Features of exemplar and search, the response and the believed size -> BoxMaps.

    1. Exemplar and search features go through a 1x1 convolution each.
    2. Side by side: the pixel-wise correlation, and the search gated by the exemplar's mean; a
       depth-wise convolution of the exemplar's size brings both to the response's grid.
    3. Beside them the depth-wise correlation, the response and the believed size.
    4. A 1x1 convolution mixes all; two towers answer, one with the target and the quality map, one
       with the boxes.
    """

    def __init__(self, features: int = FEATURE_CHANNELS, channels: int = HEAD_CHANNELS) -> None:
        super().__init__()
        searched = EXEMPLAR_CELLS**2 + channels
        self.of_exemplar = _pointwise(features, channels)
        self.of_search = _pointwise(features, channels)
        self.gate = nn.Linear(channels, channels)
        self.to_grid = nn.Sequential(
            nn.Conv2d(searched, searched, EXEMPLAR_CELLS, groups=searched, bias=False),
            nn.BatchNorm2d(searched),
            nn.ReLU(inplace=True),
        )
        self.correlated = nn.BatchNorm2d(channels)
        self.mix = _pointwise(searched + channels + 3, channels)
        self.place = nn.Sequential(_separable(channels), _separable(channels))
        self.size = nn.Sequential(_separable(channels), _separable(channels))
        self.place_maps, self.box_codes = _answer(channels, 2), _answer(channels, 4)

    def forward(
        self, exemplars: Tensor, searches: Tensor, responses: Tensor, believed: Tensor
    ) -> BoxMaps:
        """The head's maps.

        Args:
            exemplars: features (N, C, 6, 6).
            searches: features (N, C, s, s).
            responses: (N, s - 5, s - 5), logits.
            believed: (N, 2), width and height in the search crop, pixels.
        """
        z, x = self.of_exemplar(exemplars), self.of_search(searches)
        gated = x * self.gate(z.mean(dim=(2, 3))).sigmoid()[:, :, None, None]
        searched = self.to_grid(torch.cat([pixelwise_correlation(z, x), gated], dim=1))
        correlated = self.correlated(depthwise_correlation(z, x))
        sizes = (believed / TYPICAL_SIDE).log()[:, :, None, None]
        sizes = sizes.expand(-1, -1, *responses.shape[1:])
        mixed = self.mix(torch.cat([searched, correlated, responses[:, None], sizes], dim=1))
        target, quality = self.place_maps(self.place(mixed)).unbind(dim=1)
        boxes = decode_boxes(self.box_codes(self.size(mixed)), believed)
        return BoxMaps(target, quality, boxes)


class BoxNet(SiamFC):
    """A SiamFC that also answers with boxes: embed() both crops, then respond() and head()."""

    def __init__(self, backbone: BinaryAlexNetV1) -> None:
        super().__init__(backbone, learn_response=True)
        self.head = BoxHead()
