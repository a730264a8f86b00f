"""Trains the teacher, a full-precision SiamFC, on the balanced logistic loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rbsf.nn import Output, SiamFC
from rbsf.train.distributed import World
from rbsf.train.loop import AnyBatch, Batch
from rbsf.train.negatives import negative_loss
from rbsf.train.optim import autocast, make_optimiser, set_rates
from rbsf.train.settings import LoopSettings, TeacherSettings


class Supervised(ABC):
    """Trains a real network on its task alone, with the same optimiser for every parameter.

    Args:
        settings: The settings of the run.
        world: This process among all.
    """

    kind: str
    model: Any

    def __init__(self, settings: LoopSettings, world: World) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.world = settings, world
        self.model = self.make_model()
        self.model.to(world.device, memory_format=torch.channels_last)
        if settings.compile:
            self.model.compile()
        self.wrapped = world.wrap(self.model)
        self.modules: dict[str, nn.Module] = {}
        groups = [{"params": list(self.model.parameters())}]
        self.optimisers = {"optimiser": make_optimiser(settings.optimiser, groups)}

    @abstractmethod
    def make_model(self) -> nn.Module:
        """Makes the network."""

    @abstractmethod
    def task_losses(self, batch: Any, output: Any) -> dict[str, Tensor]:
        """The losses by name."""

    def start_epoch(self, epoch: int) -> None:
        """Sets the learning rate."""
        self.model.train()
        rate = self.settings.optimiser.lr_at(epoch, self.settings.epochs)
        set_rates(self.optimisers["optimiser"], rate)

    def step(self, batch: AnyBatch) -> dict[str, float]:
        """Trains on one mini-batch. A loss that is not finite changes nothing."""
        with autocast(self.settings.precision, self.world.device):
            output = batch.run(self.wrapped)
        losses = self.task_losses(batch, output)
        loss = torch.stack(list(losses.values())).sum()
        optimiser = self.optimisers["optimiser"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(loss):
            optimiser.step()
        return {name: value.item() for name, value in losses.items()}

    def end_epoch(  # noqa: B027 - nothing is what most tasks do here
        self, batches: Callable[[int], Iterator[AnyBatch]], steps: int
    ) -> None:
        """Does nothing. The teacher keeps the running statistics of its training steps."""

    def metrics(self) -> dict[str, float]:
        """The learning rate."""
        return {"lr": self.optimisers["optimiser"].param_groups[0]["lr"]}


class TeacherTask(Supervised):
    """Trains SiamFC as siamfc-pytorch does."""

    kind = "teacher"
    model: SiamFC
    settings: TeacherSettings

    def make_model(self) -> SiamFC:
        return SiamFC()

    def task_losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        losses = {"response": batch.loss(output)}
        return losses | negative_loss(self.settings.batch_negatives, self.model, output, batch)
