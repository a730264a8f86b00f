"""The losses of the box head's maps, and their labels, which follow from ellipses.

The *distance* of a cell to a box is measured in ellipses. It is 1 on the ellipse inscribed in the
box, and 0.5 on the ellipse of half its axes. A box is (centre x, centre y, width, height) in pixels
from the middle of the search crop. `rbsf.nn.box_head.cell_centers` says where cells are.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.nn.box_head import cell_centers

INNER, OUTER = 0.5, 1.0
"""A cell is positive up to the first distance, and negative beyond the second, as in NanoTrack."""
HARDEST = 16
"""How many negatives of a map count again, as the hard ones."""


class Labels(NamedTuple):
    """The labels of the cells of N maps, each (N, r, r) bool."""

    positive: Tensor
    """Whether the cell should say that the target's middle is here."""
    negative: Tensor
    """Whether the cell must not say so. Cells that are neither are ignored."""
    near: Tensor
    """Whether the tracker may choose this cell, so that its box has to be right."""


def ellipse_distance(boxes: Tensor, size: int) -> Tensor:
    """Measures the distances (N, r, r) of the cells of maps to boxes (N, 4), in ellipses."""
    cells = cell_centers(size, boxes.device)
    x, y, w, h = (column[:, None, None] for column in boxes.unbind(dim=1))
    across, down = (cells - x) / (w / 2), (cells[:, None] - y) / (h / 2)
    return (across.square() + down.square()).sqrt()


def make_labels(boxes: Tensor, present: Tensor, size: int) -> Labels:
    """Makes the labels of r x r maps.

    The cell nearest to a target that is present is always positive, however small the target is.

    Args:
        boxes: The true boxes, (N, 4).
        present: Whether the search shows the target, (N,) bool. If it shows another object, every
            cell is negative.
        size: The side r of a map, in cells.
    """
    distance = ellipse_distance(boxes, size)
    nearest = distance == distance.amin(dim=(1, 2), keepdim=True)
    there = present[:, None, None]
    positive = ((distance <= INNER) | nearest) & there
    near = ((distance <= OUTER) | nearest) & there
    return Labels(positive, ((distance > OUTER) & ~nearest) | ~there, near)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean (N,) of each map's values where its mask is set; 0 where the mask is empty."""
    mask = mask.to(values.dtype)
    return (values * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1)


def target_loss(logits: Tensor, labels: Labels, hard: float = 0.0) -> Tensor:
    """The cross-entropy (N,) of maps with their labels; positives and negatives count half each.

    Args:
        logits: The logits of the target's middle being at a cell, (N, r, r).
        labels: The labels of the cells.
        hard: The weight of the mean over each map's 16 most mistaken negatives, which is added.
    """
    positive = _masked_mean(F.softplus(-logits), labels.positive)
    mistakes = F.softplus(logits) * labels.negative
    loss = 0.5 * (positive + _masked_mean(mistakes, labels.negative))
    if hard:
        loss = loss + hard * mistakes.flatten(1).topk(HARDEST, dim=1).values.mean(dim=1)
    return loss


def _corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """The top-left and bottom-right corners (N, 2, ...) of boxes (N, 4, ...)."""
    half = boxes[:, 2:] / 2
    return boxes[:, :2] - half, boxes[:, :2] + half


def overlaps(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The IoU and the generalised IoU of boxes, each (N, ...).

    GIoU = IoU - (hull - union) / hull, where the hull is the smallest box around both. It lies
    between -1 and 1, and has a slope also where the boxes do not touch. Source: Rezatofighi 2019.

    Args:
        boxes: The boxes, (N, 4, ...).
        truth: The true boxes, which broadcast to them.
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
    """The losses of box maps and quality maps over the cells near the target.

    Args:
        boxes: The boxes of the cells, (N, 4, r, r).
        quality: The logits of their IoU, (N, r, r).
        truth: The true boxes, (N, 4).
        labels: The labels of the cells.

    Returns:
        Three tensors (N,): the mean of 1 - GIoU, the mean cross-entropy of the quality with the IoU
        that the cell's box has, and the mean of that IoU.
    """
    iou, giou = overlaps(boxes, truth[:, :, None, None])
    belief = F.binary_cross_entropy_with_logits(quality, iou.detach(), reduction="none")
    return (
        _masked_mean(1 - giou, labels.near),
        _masked_mean(belief, labels.near),
        _masked_mean(iou.detach(), labels.near),
    )


def taught_losses(
    logits: Tensor, boxes: Tensor, taught: Tensor, taught_boxes: Tensor
) -> tuple[Tensor, Tensor]:
    """The losses of following another tracker's answers, where the teacher has cells.

    A cell counts as a positive by the share that the teacher believes in it, and as a negative by
    the rest. Its box is taught by the same share, since a box beside the target says nothing.

    Args:
        logits: Our logits of the target's middle being at a cell, (N, r, r).
        boxes: Our boxes, (N, 4, r, r).
        taught: The teacher's probabilities of that, (N, r, r).
        taught_boxes: The teacher's boxes, (N, 4, r, r).

    Returns:
        Two tensors (N,): the cross-entropy, in which all positives count half, and the mean of
        1 - GIoU with the teacher's boxes.
    """
    positive = _masked_mean(F.softplus(-logits), taught)
    negative = _masked_mean(F.softplus(logits), 1 - taught)
    giou = overlaps(boxes, taught_boxes)[1]
    return 0.5 * (positive + negative), _masked_mean(1 - giou, taught)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """The mean of losses (N,) with weights (N,); 0 if all weights are 0."""
    weights = weights.to(losses.dtype)
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)
