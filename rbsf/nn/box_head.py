"""The box head: it finds where the target is and how large it is, in one search crop.

The head works on the grid of SiamFC's response. Cell i of a row is centred (i - 8) * 8 pixels from
the middle of the search crop. So the middle cell is exactly at the believed place, and the head's
maps and the response can be added cell by cell.

A box is described relative to its cell and to the believed size, for which the search crop was cut.
An untrained head answers zero everywhere, which means "the believed size, centred here" in every
cell. The design follows NanoTrack V3 (a depth-wise correlation beside a pixel-wise one), FEAR
(towers of separable convolutions), and YOLOX and others (a quality map that estimates the IoU).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.nn.backbone import FEATURE_CHANNELS, STRIDE, BinaryAlexNetV1
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SiamFC

HEAD_CHANNELS = 96
"""The number of channels in the head."""
EXEMPLAR_CELLS = 6
"""The side of the exemplar's feature, in cells."""
SHIFT_UNIT = 32.0
"""How many pixels of the search crop a displacement of 1 in a code stands for."""
TYPICAL_SIDE = EXEMPLAR_SIZE / 2
"""The side of a square target in a crop, in pixels. Believed sizes are relative to it."""
LARGEST_GROWTH = 1.5
"""The largest change of a side's logarithm in one step, so that no box is infinite or empty."""


class BoxMaps(NamedTuple):
    """What the head says at each cell of an r x r grid. Search crops of 255 pixels give r = 17."""

    target: Tensor
    """The logits (N, r, r) of the target's middle being here."""
    quality: Tensor
    """The logits (N, r, r) of the IoU that the box of this cell has with the true one."""
    boxes: Tensor
    """The boxes (N, 4, r, r): the centre x and y from the crop's middle, the width and the height,
    in pixels of the crop."""


def cell_centers(size: int, device: torch.device | None = None) -> Tensor:
    """The places of the cells of a row relative to the crop's middle, in pixels, (size,)."""
    return (torch.arange(size, device=device) - (size - 1) / 2) * STRIDE


def decode_boxes(codes: Tensor, believed: Tensor) -> Tensor:
    """Decodes the boxes that the head's last layer gives.

    Args:
        codes: The codes, (N, 4, r, r): dx and dy from the cell in units of 32 pixels, and the
            logarithms of width and height relative to the believed ones.
        believed: The believed widths and heights, (N, 2), in pixels of the search crop.

    Returns:
        The boxes, (N, 4, r, r), as `BoxMaps` has them.
    """
    cells = cell_centers(codes.shape[-1], codes.device)
    x = cells + codes[:, 0] * SHIFT_UNIT
    y = cells[:, None] + codes[:, 1] * SHIFT_UNIT
    growth = codes[:, 2:].clamp(-LARGEST_GROWTH, LARGEST_GROWTH).exp()
    return torch.cat([x[:, None], y[:, None], believed[:, :, None, None] * growth], dim=1)


def depthwise_correlation(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Correlates each channel by itself: (N, C, a, a), (N, C, b, b) -> (N, C, b-a+1, b-a+1)."""
    n, c = exemplars.shape[:2]
    kernels = exemplars.reshape(n * c, 1, *exemplars.shape[-2:])
    maps = F.conv2d(searches.reshape(1, n * c, *searches.shape[-2:]), kernels, groups=n * c)
    return maps.reshape(n, c, *maps.shape[-2:])


def pixelwise_correlation(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Multiplies every exemplar cell with every search cell.

    The shapes are (N, C, a, a), (N, C, b, b) -> (N, a*a, b, b).

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
    """A depth-wise 5x5 and a 1x1 convolution, each followed by batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        *_pointwise(channels, channels),
    )


def _answer(channels: int, maps: int) -> nn.Conv2d:
    """The last layer of a tower, which starts at zero."""
    layer = nn.Conv2d(channels, maps, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class BoxHead(nn.Module):
    """Makes `BoxMaps` from the two features, the response and the believed size.

    1. The features of exemplar and search pass through a 1x1 convolution each.
    2. The pixel-wise correlation and the search's feature, gated by the exemplar's mean, are put
       side by side. A depth-wise convolution of the exemplar's size brings both to the response's
       grid.
    3. The depth-wise correlation, the response and the believed size join them.
    4. A 1x1 convolution mixes all. Two towers answer: one with the target and the quality map, the
       other with the boxes.

    Args:
        features: The number of channels of the features.
        channels: The number of channels in the head.
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
        """Makes the head's maps.

        Args:
            exemplars: The exemplars' features, (N, C, 6, 6).
            searches: The searches' features, (N, C, s, s).
            responses: The responses, (N, s - 5, s - 5), as logits.
            believed: The believed widths and heights, (N, 2), in pixels of the search crop.
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
    """A SiamFC that also answers with boxes: embed() both crops, then respond() and head().

    Args:
        backbone: The binary backbone.
    """

    def __init__(self, backbone: BinaryAlexNetV1) -> None:
        super().__init__(backbone, learn_response=True)
        self.head = BoxHead()
