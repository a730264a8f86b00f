"""How strongly each term of a loss pulls at the weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def gradient_norms(
    losses: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> dict[str, dict[str, float]]:
    """Measures the Euclidean norm of each loss's gradient on each weight.

    The graph stays, and no `.grad` changes, so that the step may go on with the same losses.

    Args:
        losses: The terms of a loss, with their factors, by name.
        weights: Leaves of the graph, by name.

    Returns:
        The norms by the name of the loss, then by the name of the weight. A loss that does not
        depend on a weight has the norm 0 there.
    """
    norms = {}
    for term, loss in losses.items():
        gradients: tuple[Tensor | None, ...] = (None,) * len(weights)
        if loss.requires_grad:  # the kernel loss of a binarizer that has none is a constant
            gradients = torch.autograd.grad(
                loss, list(weights.values()), retain_graph=True, allow_unused=True
            )
        norms[term] = {
            name: 0.0 if gradient is None else gradient.float().norm().item()
            for name, gradient in zip(weights, gradients, strict=True)
        }
    return norms
