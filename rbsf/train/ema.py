"""The running average of a network's weights, and which network of a run is measured and kept.

The weights of a binary network jump between signs until the end. Their average over the last steps
settles (Izmailov et al., UAI 2018; for binary networks, the signs of averaged latent weights).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

if TYPE_CHECKING:
    from rbsf.train.loop import Task

EMA = "ema"
"""The name of the running average among a task's modules, and in checkpoints."""


def start_average(task: Task, decay: float) -> None:
    """Adds a running average of all weights and statistics to a task's modules.

        average = decay * average + (1 - decay) * weights, after every step

    Args:
        task: The task.
        decay: The decay, below 1. With 0 there is no average.
    """
    if decay:
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        task.modules[EMA] = AveragedModel(task.model, multi_avg_fn=average, use_buffers=True)


def update_average(task: Task) -> None:
    """Takes a step's weights into the running average, if there is one."""
    if EMA in task.modules:
        average = task.modules[EMA]
        assert isinstance(average, AveragedModel)
        average.update_parameters(task.model)


def kept_network(task: Task) -> Any:
    """The network that is measured and kept: the average if there is one, else the one in training.

    While the weights of a student are still real (see two_step.py), neither can be kept.
    """
    return networks(task)[-1]


def networks(task: Task) -> list[Any]:
    """The network in training, and its running average if there is one."""
    if EMA not in task.modules:
        return [task.model]
    average = task.modules[EMA]
    assert isinstance(average, AveragedModel)
    return [task.model, average.module]
