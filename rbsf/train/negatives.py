"""Hard negatives from the batch: the exemplar of another pair against this search."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.losses import batch_negatives
from rbsf.nn import Output, SiamFC
from rbsf.train.loop import Batch


def negative_loss(weight: float, model: SiamFC, output: Output, batch: Batch) -> dict[str, Tensor]:
    """The loss of the responses to other exemplars, by its name in the log.

    It costs no forward pass, because the features are there already.

    Args:
        weight: The weight of the loss. With 0 there is none.
        model: The network, for its gain and bias.
        output: What the network gave for the batch.
        batch: The batch.
    """
    if not weight:
        return {}
    exemplars, searches = output.exemplar_maps[-1], output.search_maps[-1]
    with torch.autocast(exemplars.device.type, enabled=False):
        responses = model.respond_to_all(exemplars, searches)
        return {"negatives": weight * batch_negatives(responses, batch.scenes)}
