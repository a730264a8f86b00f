"""Two-step binarization: first only activations are binary, then weights are too.

A network whose weights are still real learns features that survive the binarization of activations.
The second step then has to solve only one problem, from a good start (Martinez et al., ICLR 2020).
"""

from __future__ import annotations

from torch import nn

from rbsf.nn import binary_layers


class TwoSteps:
    """Says which epochs belong to which step. With a share of 0 there is only the second.

    Args:
        share: The share of the epochs in which weights are real.
        epochs: The number of epochs.

    Attributes:
        first: The number of epochs in which weights are real.
    """

    def __init__(self, share: float, epochs: int) -> None:
        self.first, self.epochs = round(share * epochs), epochs

    def within(self, epoch: int) -> tuple[int, int]:
        """The number of an epoch within its step, and how many epochs this step has."""
        if epoch < self.first:
            return epoch, self.first
        return epoch - self.first, self.epochs - self.first

    def start_epoch(self, network: nn.Module, epoch: int) -> None:
        """Makes the weights of a network real or binary, as an epoch needs them."""
        number, count = self.within(epoch)
        progress = number / count if epoch >= self.first else 0.0
        for conv in binary_layers(network).values():
            conv.binary_weights = epoch >= self.first
            conv.weight_binarizer.set_progress(progress)

    def end_epoch(self, network: nn.Module, epoch: int) -> None:
        """Makes the weights binary after the last epoch of the first step.

        The binarizers are fitted to the weights that the first step found. So what follows, which
        estimates the batch norms anew, already sees the network of the second step.
        """
        if epoch + 1 == self.first:
            for conv in binary_layers(network).values():
                conv.binary_weights = True
                conv.weight_binarizer.fit(conv.weight)
