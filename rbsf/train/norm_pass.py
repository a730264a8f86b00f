"""The BN pass: after each epoch the batch norms are updated with W, C and D held (line 17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from rbsf.losses import response_loss
from rbsf.nn import SiamFC
from rbsf.train.distributed import World
from rbsf.train.loop import Batch


def norm_pass(
    model: SiamFC, batches: Callable[[], Iterator[Batch]], lr: float, world: World
) -> None:
    """Learns gamma and beta under the task loss, then estimates the running statistics anew.

    Nothing but batch norm changes. Gamma and beta go down by SGD with momentum 0.9 on batch
    statistics; then running mean and variance are set to their averages over the same batches.

    Args:
        model: the network; left in the mode it came in.
        batches: gives the pass's batches, each time from the first.
        lr: learning rate of gamma and beta.
        world: gradients and statistics are averaged over its processes.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with _only_norms_train(model, norms):
        _learn_affine(model, norms, batches(), lr, world)
        _estimate_statistics(model, norms, batches(), world)


@contextmanager
def _only_norms_train(model: nn.Module, norms: list[nn.BatchNorm2d]) -> Iterator[None]:
    """Holds every parameter but gamma and beta, and puts all norms on batch statistics."""
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
    model: SiamFC,
    norms: list[nn.BatchNorm2d],
    batches: Iterator[Batch],
    lr: float,
    world: World,
) -> None:
    affine = [p for norm in norms for p in norm.parameters()]
    optimiser = torch.optim.SGD(affine, lr=lr, momentum=0.9)
    for batch in batches:
        loss = response_loss(model(batch.exemplars, batch.searches).responses, batch.labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        world.average([p.grad for p in affine if p.grad is not None])
        optimiser.step()


@torch.no_grad()
def _estimate_statistics(
    model: SiamFC, norms: list[nn.BatchNorm2d], batches: Iterator[Batch], world: World
) -> None:
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over all batches and both branches
    for batch in batches:
        model(batch.exemplars, batch.searches)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        assert norm.running_mean is not None and norm.running_var is not None
        world.average([norm.running_mean, norm.running_var])
