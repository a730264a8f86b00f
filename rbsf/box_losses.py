"""What the box head is trained on: labels from ellipses, and the losses of its maps.

A cell's *distance* to a box is measured in ellipses: 1 on the ellipse inscribed in the box, 0.5 on
the one of half its axes. Boxes are (centre x, centre y, width, height) in pixels from the middle
of the search crop. Cells of a map lie as in `rbsf.nn.box_head.cell_centers`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.nn.box_head import cell_centers

INNER, OUTER = 0.5, 1.0
"""Distances within which a cell is the target, and beyond which it is not (as NanoTrack has it)."""
HARDEST = 16
"""How many of a map's negatives count again as hard ones."""


class Labels(NamedTuple):
    """What the cells of N maps are, each (N, r, r) bool."""

    positive: Tensor
    """The target's middle may be said to be here."""
    negative: Tensor
    """It must not; cells that are neither are ignored."""
    near: Tensor
    """A decision may fall here, so the box told here has to be right."""


def ellipse_distance(boxes: Tensor, size: int) -> Tensor:
    """Distances (N, r, r) of the cells of r x r maps to boxes (N, 4), in ellipses."""
    cells = cell_centers(size, boxes.device)
    x, y, w, h = (column[:, None, None] for column in boxes.unbind(dim=1))
    across, down = (cells - x) / (w / 2), (cells[:, None] - y) / (h / 2)
    return (across.square() + down.square()).sqrt()


def make_labels(boxes: Tensor, present: Tensor, size: int) -> Labels:
    """Labels of r x r maps.

    The cell nearest to a present target is always positive, however small the target is.

    Args:
        boxes: (N, 4).
        present: (N,) bool; where false the search shows another object and every cell is negative.
        size: r, cells.
    """
    distance = ellipse_distance(boxes, size)
    nearest = distance == distance.amin(dim=(1, 2), keepdim=True)
    there = present[:, None, None]
    positive = ((distance <= INNER) | nearest) & there
    near = ((distance <= OUTER) | nearest) & there
    return Labels(positive, ((distance > OUTER) & ~nearest) | ~there, near)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of each map's values where its mask is set, zero where that is nowhere: (N,)."""
    mask = mask.to(values.dtype)
    return (values * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1)


def target_loss(logits: Tensor, labels: Labels, hard: float = 0.0) -> Tensor:
    """Cross-entropy of maps (N, r, r) with labels; positives and negatives count half each: (N,).

    Args:
        logits: of the target's middle being at a cell.
        labels: what the cells are.
        hard: weight at which the mean over each map's 16 most mistaken negatives is added.
    """
    positive = _masked_mean(F.softplus(-logits), labels.positive)
    mistakes = F.softplus(logits) * labels.negative
    loss = 0.5 * (positive + _masked_mean(mistakes, labels.negative))
    if hard:
        loss = loss + hard * mistakes.flatten(1).topk(HARDEST, dim=1).values.mean(dim=1)
    return loss


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Top-left and bottom-right corners (N, 2, ...) of boxes (N, 4, ...)."""
    half = boxes[:, 2:] / 2
    return boxes[:, :2] - half, boxes[:, :2] + half


def overlaps(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes (N, 4, ...) with truth that broadcasts to them: (N, ...).

    GIoU = IoU - (hull - union) / hull, the hull being the smallest box around both: -1 to 1, and it
    has a slope where the boxes do not touch. Source: Rezatofighi 2019.
    """
    (low, high), (true_low, true_high) = _corners(boxes), _corners(truth)
    shared = (torch.minimum(high, true_high) - torch.maximum(low, true_low)).clamp(min=0)
    hull = (torch.maximum(high, true_high) - torch.minimum(low, true_low)).prod(dim=1)
    overlap = shared.prod(dim=1)
    union = boxes[:, 2:].prod(dim=1) + truth[:, 2:].prod(dim=1) - overlap
    iou = overlap / union
    return iou, iou - (hull - union) / hull


def box_losses(
    boxes: Tensor, quality: Tensor, truth: Tensor, labels: Labels
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of box maps (N, 4, r, r) and quality maps (N, r, r), each (N,), over near cells.

    Returns:
        The mean of 1 - GIoU, the mean cross-entropy of the quality with the IoU that the told box
        has, and that IoU's mean.
    """
    iou, giou = overlaps(boxes, truth[:, :, None, None])
    belief = F.binary_cross_entropy_with_logits(quality, iou.detach(), reduction="none")
    return (
        _masked_mean(1 - giou, labels.near),
        _masked_mean(belief, labels.near),
        _masked_mean(iou.detach(), labels.near),
    )


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """The mean of losses (N,) with weights (N,), zero where all weights are."""
    weights = weights.to(losses.dtype)
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)
