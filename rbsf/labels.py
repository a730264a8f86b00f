"""The labels of responses: which cells should say that the target is there, and how they weigh."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from rbsf.config import Settings

LabelShape = Literal["diamond", "gaussian"]


class LabelSettings(Settings):
    """The labels of responses. The defaults are SiamFC's.

    SiamFC calls every cell within 16 pixels positive, which teaches no precise peak. A smaller
    radius asks for the place, and so does a Gaussian, which is highest there.
    """

    shape: LabelShape = Field(
        "diamond",
        description="The form of the labels: diamond is 1 within the radius and 0 outside of it, "
        "gaussian falls from 1 at the target itself.",
    )
    radius: float = Field(
        16.0,
        gt=0,
        description="How far from the target cells are positive, in pixels: the largest city-block "
        "distance of a diamond, or the standard deviation of a Gaussian.",
    )


def response_labels(
    offsets: Tensor, size: int, settings: LabelSettings | None = None, stride: int = 8
) -> Tensor:
    """Makes the labels of response maps.

        diamond     1 where |dx| + |dy| <= radius, else 0, with the target moved to its nearest cell
        gaussian    exp(-(dx^2 + dy^2) / (2 radius^2)), with the target where it is

    A diamond of 16 pixels has 13 cells, as in siamfc-pytorch. SiamFC's jitter of 4 pixels leaves it
    centred.

    Args:
        offsets: Where the targets are, (N, 2), as x and y in pixels from the centre of the search
            crop.
        size: The side of a response, in cells.
        settings: The shape and the radius. None is SiamFC's.
        stride: The distance between neighbouring cells, in pixels.

    Returns:
        The labels, (N, size, size), from 0 to 1, in float32.
    """
    settings = settings or LabelSettings()
    cells = torch.arange(size, device=offsets.device) - (size - 1) / 2
    target, radius = offsets / stride, settings.radius / stride
    if settings.shape == "diamond":
        target = torch.round(target)
    dx = (cells[None, :] - target[:, :1]).abs()[:, None, :]
    dy = (cells[None, :] - target[:, 1:]).abs()[:, :, None]
    if settings.shape == "diamond":
        return (dx + dy <= radius).float()
    return torch.exp(-(dx.square() + dy.square()) / (2 * radius**2)).float()


def balance(labels: Tensor) -> Tensor:
    """Weights the cells of labels (N, r, r) so that positives and negatives count half each.

        weight = 1/2 (label / sum of labels + (1 - label) / sum of (1 - labels))

    A cell whose label is between 0 and 1 is partly positive and partly negative. The weights have
    the shape of the labels. Those of each map sum to 1, or to 1/2 if it has no positive cell.
    """
    positive = labels.sum(dim=(-2, -1), keepdim=True)
    negative = (1 - labels).sum(dim=(-2, -1), keepdim=True)
    smallest = torch.finfo(labels.dtype).tiny
    halves = labels / positive.clamp(min=smallest), (1 - labels) / negative.clamp(min=smallest)
    return 0.5 * (halves[0] + halves[1])
