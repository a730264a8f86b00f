"""How often a classifier is right: top-1 and top-5 on test pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rbsf.data.pictures import batches_of
from rbsf.train.distributed import World

BATCH = 250
"""How many pictures are tested at a time."""


class Accuracy(NamedTuple):
    """The shares of the test pictures whose class is the likeliest, or among the five likeliest."""

    top1: float
    top5: float


Classify = Callable[[Tensor], Tensor]
"""Gives the logits (N, classes) of pictures (N, 3, H, W), uint8."""


@torch.no_grad()
def measure_accuracy(network: nn.Module, split: Any, side: int, world: World) -> Accuracy:
    """Classifies the test pictures by a network in torch, in float32.

    Args:
        network: The classifier. It is left in the mode, training or eval, that it came in.
        split: The pictures, a data set of torchvision.
        side: The side at which the network sees them, in pixels.
        world: The processes, each of which classifies a part.

    Raises:
        InputError: A picture cannot be read.
    """
    was_training = network.training
    network.eval()
    found = share_right(lambda pixels: network(pixels.float()).logits, split, side, world)
    network.train(was_training)
    return found


def share_right(classify: Classify, split: Any, side: int, world: World) -> Accuracy:
    """Classifies the test pictures, whatever does it.

    Args:
        classify: The classifier. It gets pictures on the device of this process.
        split: As `measure_accuracy` has it, and so are `side` and `world`.

    Raises:
        InputError: A picture cannot be read.
    """
    right = torch.zeros(2, device=world.device)
    numbers = range(world.rank, len(split), world.size)
    for pictures in batches_of(split, side, BATCH, numbers):
        labels = pictures.label.to(world.device)
        logits = classify(pictures.pixels.to(world.device))
        hits = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
        right += torch.stack([hits[:, 0].sum(), hits.sum()])
    world.average([right])
    top1, top5 = (right * world.size / len(split)).tolist()
    return Accuracy(top1, top5)
