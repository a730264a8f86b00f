"""The losses of training: the response loss, the adversarial losses and distillation.

RBCN's kernel loss belongs to the weight binarizers, see `rbsf.binarize.RBCN.kernel_loss`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Gan = Literal["rbcn", "lsgan", "bce"]
Reduction = Literal["sum", "mean"]


def response_labels(offsets: Tensor, size: int, radius: float = 16.0, stride: int = 8) -> Tensor:
    """Makes the labels of response maps: 1 within `radius` of the target, 0 elsewhere.

    Args:
        offsets: Where the targets are, (N, 2), as x and y in pixels from the centre of the search
            crop. They are rounded to whole cells, so SiamFC's jitter of 4 pixels leaves the labels
            centred.
        size: The side of a response, in cells.
        radius: The city-block distance up to which a cell is positive, in pixels. The default of 16
            is 2 cells, which makes 13 positives, as in siamfc-pytorch.
        stride: The distance between neighbouring cells, in pixels.

    Returns:
        The labels, (N, size, size), in float32.
    """
    cells = torch.arange(size, device=offsets.device) - (size - 1) / 2
    target = torch.round(offsets / stride)
    dx = (cells[None, :] - target[:, :1]).abs()
    dy = (cells[None, :] - target[:, 1:]).abs()
    return (dy[:, :, None] + dx[:, None, :] <= radius / stride).float()


def balance(labels: Tensor) -> Tensor:
    """Weights the cells of labels (N, r, r) so that positives and negatives count half each.

    The weights have the shape of the labels. Those of each map sum to 1.
    """
    positive = labels.sum(dim=(-2, -1), keepdim=True)
    negative = (1 - labels).sum(dim=(-2, -1), keepdim=True)
    return 0.5 * (labels / positive.clamp(min=1) + (1 - labels) / negative.clamp(min=1))


def response_loss(responses: Tensor, labels: Tensor) -> Tensor:
    """The balanced logistic loss of responses (N, r, r), averaged over maps (SiamFC eq. 2)."""
    losses = F.binary_cross_entropy_with_logits(responses, labels, reduction="none")
    return (losses * balance(labels)).sum(dim=(-2, -1)).mean()


def response_distillation(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """The Bernoulli KL divergence between the teacher's response and the student's, balanced.

    It is 0 where both responses are equal. Its gradient to a logit of the student is
    sigmoid(student) - sigmoid(teacher), times the weight that `balance` gives to the cell.

    Args:
        student: The student's responses, (N, r, r), as logits.
        teacher: The teacher's responses, of the same shape.
        labels: The labels of the responses, as `response_labels` makes them.
    """
    belief = teacher.sigmoid()
    cross = F.binary_cross_entropy_with_logits(student, belief, reduction="none")
    entropy = F.binary_cross_entropy_with_logits(teacher, belief, reduction="none")
    return ((cross - entropy) * balance(labels)).sum(dim=(-2, -1)).mean()


def feature_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean squared difference of two normalised maps (N, C, h, w).

    It is 0 for equal maps and about 2 for unrelated ones.
    """
    return F.mse_loss(student, teacher)


def discriminator_loss(real: Tensor, fake: Tensor, gan: Gan = "rbcn") -> Tensor:
    """The loss that a discriminator descends: -(log D(R) + log(1 - D(T))).

    Line 11 of Algorithm 1 prints it with the other sign, as an ascent.

    Args:
        real: The logits of its verdicts on the teacher's maps, of any shape.
        fake: The logits of its verdicts on the student's maps, of any shape.
        gan: The kind of loss. "rbcn" and "bce" are the formula above, where D is the sigmoid of a
            logit. "lsgan" is (1 - D(R))^2 + D(T)^2 on the raw outputs.

    Returns:
        The mean over all verdicts, a scalar.
    """
    if gan == "lsgan":
        return (1 - real).square().mean() + fake.square().mean()
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def adversarial_loss(fake: Tensor, gan: Gan = "rbcn", reduction: Reduction = "mean") -> Tensor:
    """The adversarial loss that the student descends: 1/2 (1 - D(T))^2, without lambda2 (eq. 4).

    Args:
        fake: The logits of a discriminator's verdicts on the student's maps, (N, V).
        gan: The kind of loss. "rbcn" is the formula above, where D is the sigmoid of a logit.
            "lsgan" is the same on the raw output. "bce" is -log D(T).
        reduction: What becomes of the V verdicts on one map. "sum" adds their losses, as eq. 4 adds
            them over the filters i. "mean" averages them, so that lambda2 does not depend on the
            size of a map. Both average over the batch.

    Returns:
        A scalar.
    """
    if gan == "bce":
        losses = F.softplus(-fake)
    else:
        belief = fake if gan == "lsgan" else fake.sigmoid()
        losses = 0.5 * (1 - belief).square()
    by_map = losses.sum(dim=1) if reduction == "sum" else losses.mean(dim=1)
    return by_map.mean()


def verdict_accuracy(real: Tensor, fake: Tensor, gan: Gan = "rbcn") -> Tensor:
    """The shares of a discriminator's right verdicts on real and on fake maps, as a tensor (2,).

    A verdict is right where D is nearer to what its loss asks for: on either side of one half,
    which is a logit of 0, or an output of 0.5 with "lsgan".
    """
    border = 0.5 if gan == "lsgan" else 0.0
    right = (real > border).float().mean(), (fake <= border).float().mean()
    return torch.stack(right)
