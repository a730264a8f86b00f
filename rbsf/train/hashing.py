"""Starts a student from hashed kernels: BWNH, layer by layer, on its first batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.binarize.bwnh import hash_kernel
from rbsf.nn import BinaryConv2d, binary_layers
from rbsf.train.distributed import World
from rbsf.train.loop import AnyBatch

MOST_INPUTS = 2048
"""So many inputs of a layer, spread over the batch, decide about its bits."""


class Hashing(nn.Module):
    """Replaces the kernels of a network by hashed ones, once in a run.

    From the first layer to the last: the inputs of the layer are what the layers before it, which
    are hashed already, give for a batch. `rbsf.binarize.bwnh.hash_kernel` says what is minimised.
    A checkpoint remembers that it is done.
    """

    done: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("done", torch.tensor(False))

    @torch.no_grad()
    def start(self, network: nn.Module, batch: AnyBatch, world: World) -> None:
        """Hashes a network's binary layers on a batch, unless that is done.

        With several processes, all take the kernels of the main one.
        """
        if self.done:
            return
        for conv in binary_layers(network).values():
            inputs: list[Tensor] = []
            hook = conv.register_forward_pre_hook(lambda _, x, seen=inputs: seen.append(x[0]))
            batch.run(network)
            hook.remove()
            conv.set_weight(hashed(conv, inputs[-1].float()))
            world.share(conv.weight_binarizer.state_dict().values())
            world.share([conv.weight])
        self.done.fill_(True)


def hashed(conv: BinaryConv2d, x: Tensor) -> Tensor:
    """The hashed kernel of a layer, (Cout, Cin / groups, k, k), for its real input x."""
    bits = conv.activation_binarizer(x)
    bits = F.pad(bits, (conv.padding,) * 4, value=conv.pad_value or 0.0)
    kernel = conv.weight_binarizer.kernel(conv.weight)
    patches = F.unfold(bits, kernel.shape[2:], stride=conv.stride).transpose(1, 2).flatten(0, 1)
    patches = patches[:: -(-len(patches) // MOST_INPUTS)]
    groups = zip(patches.chunk(conv.groups, dim=1), kernel.chunk(conv.groups), strict=True)
    parts = [hash_kernel(inputs, filters.flatten(1)) for inputs, filters in groups]
    return torch.cat(parts).reshape(kernel.shape)
