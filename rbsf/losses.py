"""The losses of training: the response loss, the adversarial losses and distillation.

RBCN's kernel loss belongs to the weight binarizers, see `rbsf.binarize.RBCN.kernel_loss`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.labels import balance

Gan = Literal["rbcn", "lsgan", "bce"]
Reduction = Literal["sum", "mean"]

HARDEST = 16
"""How many cells of a search's responses to other exemplars count as negatives."""


def response_loss(responses: Tensor, labels: Tensor) -> Tensor:
    """The balanced logistic loss of responses (N, r, r), averaged over maps (SiamFC eq. 2).

    Where a label is between 0 and 1, the loss of its cell is least at the logit of the label.
    """
    losses = F.binary_cross_entropy_with_logits(responses, labels, reduction="none")
    return (losses * balance(labels)).sum(dim=(-2, -1)).mean()


def batch_negatives(responses: Tensor, scenes: Tensor) -> Tensor:
    """The logistic loss of the places where a search is most like the exemplar of another pair.

    Such an exemplar has nowhere to be, so every cell of its response is negative. Of all other
    exemplars of the batch, only the most mistaken cells count: most of them are easy.

    Args:
        responses: The response of each search to each exemplar, (N searches, N exemplars, r, r).
        scenes: The number of the scene of each pair, (N,). Exemplars of a search's own scene are
            left out, because the search may show them.

    Returns:
        The mean over searches that have another scene in the batch, a scalar. It is 0 if none has.
    """
    others = scenes[:, None] != scenes
    mistakes = F.softplus(responses).flatten(2) * others[:, :, None]
    hardest = mistakes.flatten(1).topk(HARDEST, dim=1).values.mean(dim=1)
    some = others.any(dim=1)
    return (hardest * some).sum() / some.sum().clamp(min=1)


def response_distillation(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """The Bernoulli KL divergence between the teacher's response and the student's, balanced.

    It is 0 where both responses are equal. Its gradient to a logit of the student is
    sigmoid(student) - sigmoid(teacher), times the weight that `balance` gives to the cell.

    Args:
        student: The student's responses, (N, r, r), as logits.
        teacher: The teacher's responses, of the same shape.
        labels: The labels of the responses, as `rbsf.labels.response_labels` makes them.
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
