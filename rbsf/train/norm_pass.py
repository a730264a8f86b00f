"""The BN pass: after each epoch the batch norms are updated while W, C and D are held fixed.

It is line 17 of Algorithm 1 in the RBCN paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from rbsf.train.distributed import World

if TYPE_CHECKING:
    from rbsf.train.loop import AnyBatch


def norm_pass(
    model: nn.Module, batches: Callable[[], Iterator[AnyBatch]], lr: float, world: World
) -> None:
    """Learns gamma and beta under the task loss, then estimates the running statistics anew.

    Only the batch norms change. Gamma and beta are learned by SGD with momentum 0.9, on batch
    statistics. Then the running mean and variance are set to their averages over the same batches.

    Args:
        model: The network. Each norm is left in the mode, training or eval, that it came in.
        batches: Gives the batches of the pass; every call begins with the first.
        lr: The learning rate of gamma and beta.
        world: The processes over which gradients and statistics are averaged.
    """
    norms = _norms(model)
    with _only_norms_train(model, norms):
        _learn_affine(model, norms, batches(), lr, world)
        _estimate_statistics(model, norms, batches(), world)


def estimate_norms(model: nn.Module, batches: Iterator[AnyBatch], world: World) -> None:
    """Estimates the running statistics anew; gamma and beta stay as they are.

    Args:
        model: The network. Each norm is left in the mode, training or eval, that it came in.
        batches: The batches over which the statistics are averaged.
        world: The processes over which they are averaged.
    """
    norms = _norms(model)
    with _only_norms_train(model, norms):
        _estimate_statistics(model, norms, batches, world)


def _norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@contextmanager
def _only_norms_train(model: nn.Module, norms: list[nn.BatchNorm2d]) -> Iterator[None]:
    """Holds every parameter fixed except gamma and beta, and puts all norms in training mode."""
    affine = {id(p) for norm in norms for p in norm.parameters()}
    held = [p for p in model.parameters() if p.requires_grad and id(p) not in affine]
    modes = [norm.training for norm in norms]
    try:
        for parameter in held:
            parameter.requires_grad_(False)
        for norm in norms:
            norm.train()
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)
        for norm, mode in zip(norms, modes, strict=True):
            norm.train(mode)


def _learn_affine(
    model: nn.Module,
    norms: list[nn.BatchNorm2d],
    batches: Iterator[AnyBatch],
    lr: float,
    world: World,
) -> None:
    affine = [p for norm in norms for p in norm.parameters()]
    optimiser = torch.optim.SGD(affine, lr=lr, momentum=0.9)
    for batch in batches:
        loss = batch.loss(batch.run(model))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        world.average([p.grad for p in affine if p.grad is not None])
        optimiser.step()


@torch.no_grad()
def _estimate_statistics(
    model: nn.Module, norms: list[nn.BatchNorm2d], batches: Iterator[AnyBatch], world: World
) -> None:
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # gives a plain average over all batches, and both branches of pairs
    for batch in batches:
        batch.run(model)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        assert norm.running_mean is not None and norm.running_var is not None
        world.average([norm.running_mean, norm.running_var])
