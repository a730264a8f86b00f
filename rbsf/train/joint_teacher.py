"""A teacher that is trained from scratch beside its student: scheme A of Apprentice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rbsf.train.distributed import World
from rbsf.train.loop import AnyBatch
from rbsf.train.optim import make_optimiser
from rbsf.train.settings import OptimiserSettings


class JointTeacher:
    """Trains a teacher of full precision, one step for each step of its student.

        loss = alpha H(y, p_T) + beta H(y, p_S) + gamma H(z_T, p_S)      (Apprentice)

    alpha is `weight`, beta is 1, and gamma is the weight of the student's distillation. What the
    teacher answers is a constant for the student's losses, so the two optimisers are independent.

    Args:
        teacher: The teacher, with random weights.
        weight: The weight alpha of its own task loss.
        settings: The optimiser, which is the student's.
        world: This process among all.

    References:
        [Apprentice](https://arxiv.org/abs/1711.05852), Mishra and Marr, ICLR 2018.
    """

    def __init__(
        self, teacher: nn.Module, weight: float, settings: OptimiserSettings, world: World
    ) -> None:
        self.wrapped, self.weight = world.wrap(teacher), weight
        self.optimiser = make_optimiser(settings, [{"params": list(teacher.parameters())}])

    def step(self, batch: AnyBatch) -> tuple[Any, Tensor]:
        """Takes a step on the teacher's own loss. A loss that is not finite changes nothing.

        Returns:
            What the teacher answered before the step, without gradients.
            Its loss, a scalar.
        """
        output = batch.run(self.wrapped)
        loss = self.weight * batch.loss(output)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(loss):
            self.optimiser.step()
        return _detached(output), loss.detach()


def _detached(output: Any) -> Any:
    """A network's named outputs, tensors and lists of tensors, without gradients."""
    values = ([t.detach() for t in v] if isinstance(v, list) else v.detach() for v in output)
    return type(output)(*values)
