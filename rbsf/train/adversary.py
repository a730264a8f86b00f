"""The adversarial game: the discriminators, their steps, and what the student descends."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from rbsf.losses import adversarial_loss, discriminator_loss, verdict_accuracy
from rbsf.nn import Discriminators
from rbsf.train.distributed import World
from rbsf.train.settings import DistillationSettings

Branch = tuple[dict[str, Tensor], dict[str, Tensor]]
"""The teacher's maps R and the student's maps T, normalised, by layer. A tracker has a branch
of exemplars and one of searches, a classifier has one."""


class Adversary:
    """One discriminator for each compared layer, and the optimiser that trains them.

    Args:
        settings: The settings of the run.
        world: This process among all.
        channels: The channels of the compared layers' maps, by name.

    Attributes:
        discriminators: The discriminators D^l.
        optimiser: The optimiser of all of them.
    """

    def __init__(
        self, settings: DistillationSettings, world: World, channels: Mapping[str, int]
    ) -> None:
        self.settings, self.world = settings, world
        self.discriminators = Discriminators(channels, settings.discriminator_entry)
        self.discriminators.to(world.device)
        self.wrapped = world.wrap(self.discriminators)
        self.optimiser = torch.optim.Adam(
            self.discriminators.parameters(), lr=settings.discriminator_lr
        )
        self.start_epoch()

    def start_epoch(self) -> None:
        """Begins to count the right verdicts anew."""
        self._right = torch.zeros(2, device=self.world.device)
        self._counted = 0

    def step(self, branches: list[Branch]) -> Tensor:
        """D ascends log D(R) + log(1 - D(T)), with T detached (lines 10 and 11).

        Returns:
            The loss of all discriminators together, averaged over the branches.
        """
        loss = torch.zeros((), device=self.world.device)
        for real, fake in branches:
            both = {name: torch.cat([real[name], fake[name].detach()]) for name in real}
            for logits in self.wrapped(both):
                on_real, on_fake = logits.chunk(2)
                loss = loss + discriminator_loss(on_real, on_fake, self.settings.gan)
                self._right += verdict_accuracy(on_real, on_fake, self.settings.gan).detach()
                self._counted += 1
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return loss.detach() / len(branches)

    def loss(self, branches: list[Branch]) -> Tensor:
        """The adversarial loss of the student, without lambda2: its gradient reaches T, but not D.

        It is the sum over layers of eq. 4, averaged over the branches.
        """
        settings = self.settings
        frozen = {name: p.detach() for name, p in self.discriminators.named_parameters()}
        losses = [
            adversarial_loss(logits, settings.gan, settings.adversarial_reduction)
            for _, fake in branches
            for logits in functional_call(self.discriminators, frozen, (fake,))
        ]
        return torch.stack(losses).sum() / len(branches)

    def accuracy(self) -> dict[str, float]:
        """The shares of right verdicts in this epoch, over all layers, on real and fake maps."""
        real, fake = (self._right / max(self._counted, 1)).tolist()
        return {"d_right/real": real, "d_right/fake": fake}
