"""What the networks are trained on: the response loss, the adversarial losses, distillation."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Gan = Literal["rbcn", "lsgan", "bce"]


def response_labels(offsets: Tensor, size: int, radius: float = 16.0, stride: int = 8) -> Tensor:
    """Labels of a response map: 1 within `radius` (city block) of the target, else 0.

    Args:
        offsets: (N, 2), where the target is relative to the search crop's centre, x and y, pixels.
            Rounded to whole cells, so the +-4 px of SiamFC's jitter leave the labels centred.
        size: side of the response, cells.
        radius: pixels; 16 over stride 8 are 2 cells and 13 positives (siamfc-pytorch).

    Returns:
        (N, size, size) float32.
    """
    cells = torch.arange(size, device=offsets.device) - (size - 1) / 2
    target = torch.round(offsets / stride)
    dx = (cells[None, :] - target[:, :1]).abs()
    dy = (cells[None, :] - target[:, 1:]).abs()
    return (dy[:, :, None] + dx[:, None, :] <= radius / stride).float()


def balance(labels: Tensor) -> Tensor:
    """Weights that let positives and negatives count half each; those of a map sum to 1."""
    positive = labels.sum(dim=(-2, -1), keepdim=True)
    negative = (1 - labels).sum(dim=(-2, -1), keepdim=True)
    return 0.5 * (labels / positive.clamp(min=1) + (1 - labels) / negative.clamp(min=1))


def response_loss(responses: Tensor, labels: Tensor) -> Tensor:
    """Balanced logistic loss of responses (N, r, r), a mean over maps (SiamFC eq. 2)."""
    losses = F.binary_cross_entropy_with_logits(responses, labels, reduction="none")
    return (losses * balance(labels)).sum(dim=(-2, -1)).mean()


def response_distillation(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """Bernoulli KL divergence of the student's response from the teacher's, balanced as the task.

    Zero where both say the same; its gradient is sigmoid(student) - sigmoid(teacher).
    """
    belief = teacher.sigmoid()
    cross = F.binary_cross_entropy_with_logits(student, belief, reduction="none")
    entropy = F.binary_cross_entropy_with_logits(teacher, belief, reduction="none")
    return ((cross - entropy) * balance(labels)).sum(dim=(-2, -1)).mean()


def feature_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two normalised maps (N, C, h, w): 0 if equal, 2 if unrelated."""
    return F.mse_loss(student, teacher)


def discriminator_loss(real: Tensor, fake: Tensor, gan: Gan = "rbcn") -> Tensor:
    """What the discriminators descend: -(log D(R) + log(1 - D(T))) of Algorithm 1, line 11.

    Args:
        real: logits (L, N) for the teacher's maps, one row for each layer.
        fake: the same for the student's maps.
        gan: `rbcn` and `bce` are the paper's; `lsgan` is (1 - D(R))^2 + D(T)^2 on raw outputs.
    """
    if gan == "lsgan":
        losses = (1 - real).square() + fake.square()
    else:
        losses = F.softplus(-real) + F.softplus(fake)
    return losses.mean(dim=-1).sum()


def adversarial_loss(fake: Tensor, gan: Gan = "rbcn") -> Tensor:
    """What the student descends: summed over layers (eq. 4), a mean over the batch; a scalar.

    Args:
        fake: logits (L, N) for the student's maps.
        gan: `rbcn` is eq. 4's 1/2 (1 - D(T))^2 with D the sigmoid; `lsgan` the same on the raw
            output; `bce` is -log D(T).
    """
    if gan == "bce":
        return F.softplus(-fake).mean(dim=-1).sum()
    belief = fake if gan == "lsgan" else fake.sigmoid()
    return 0.5 * (1 - belief).square().mean(dim=-1).sum()
