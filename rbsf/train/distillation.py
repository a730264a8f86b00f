"""Algorithm 1 of RBCN: how a binary network is distilled from its teacher.

For each mini-batch there is one forward pass. Then the discriminators take a step up their
objective, and the student takes a step down its task, kernel and adversarial losses, with rate eta1
for W and eta2 for C. The paper prints this layer by layer; under automatic differentiation that
makes no difference. After each epoch the batch norms are updated while W, C and D are held fixed
(norm_pass.py).

What the network is and what its task is say `rbsf.train.student` and `rbsf.train.classifier`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rbsf.binarize import RBCN
from rbsf.losses import feature_distillation
from rbsf.nn import BinaryConv2d, binary_layers
from rbsf.train.adversary import Adversary, Branch
from rbsf.train.distributed import World
from rbsf.train.ema import networks
from rbsf.train.gradients import gradient_norms
from rbsf.train.hashing import Hashing
from rbsf.train.joint_teacher import JointTeacher
from rbsf.train.loop import AnyBatch
from rbsf.train.norm_pass import norm_pass
from rbsf.train.optim import autocast, make_optimiser, set_rates
from rbsf.train.settings import DistillationSettings
from rbsf.train.two_step import TwoSteps

FLIP_INTERVAL = 50
"""Every how many steps we count the weights whose sign the step changed."""


class Distillation(ABC):
    """Trains a binary network, together with its discriminators, against a frozen teacher.

    A subclass says what the network and its teacher are, what the task's losses are, and which maps
    are compared.

    Args:
        settings: The settings of the run.
        world: This process among all.

    Raises:
        InputError: The teacher cannot be loaded.
    """

    kind: str
    model: Any

    def __init__(self, settings: DistillationSettings, world: World) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.world = settings, world
        if world.device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # it rounds the first layer to 10 bits
        self.model = self.make_model()
        if settings.taught:
            self.teacher = self.load_teacher()
            self.teacher.to(world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if settings.init != "random":
            self.take_weights()
        self.model.to(world.device)
        self.model.to(memory_format=torch.channels_last)
        if settings.compile:
            self.model.compile()
        self.wrapped = world.wrap(self.model)
        self.modules: dict[str, nn.Module] = {}
        self.optimisers = {"optimiser": make_optimiser(settings.optimiser, self._groups())}
        self.adversary: Adversary | None = None
        if settings.adversarial:
            self.adversary = Adversary(settings, world, self.compared_channels())
            self.modules["discriminators"] = self.adversary.discriminators
            self.optimisers["discriminator_optimiser"] = self.adversary.optimiser
        self.hashing = Hashing() if settings.init == "bwnh" else None
        if self.hashing:
            self.modules["hashing"] = self.hashing
        if settings.teacher_loss:
            self._add_joint_teacher()
        self.flip_ratio, self.steps = 0.0, 0
        self.two_steps = TwoSteps(settings.binary_weights_from, settings.epochs)
        self.probe: dict[str, float] = {}

    def _add_joint_teacher(self) -> None:
        """Makes a teacher that is trained beside the student."""
        settings = self.settings
        teacher = self.make_teacher().to(self.world.device)
        teacher.to(memory_format=torch.channels_last)
        self.joint = JointTeacher(teacher, settings.teacher_loss, settings.optimiser, self.world)
        self.modules["teacher"] = teacher
        self.optimisers["teacher_optimiser"] = self.joint.optimiser

    # -- what a subclass says ---------------------------------------------------------------------

    @abstractmethod
    def make_model(self) -> nn.Module:
        """Makes the binary network."""

    @abstractmethod
    def load_teacher(self) -> nn.Module:
        """Loads the teacher, which has full precision.

        Raises:
            InputError: The file is missing or cannot be read, or it is a binary network.
        """

    @abstractmethod
    def make_teacher(self) -> nn.Module:
        """Makes a teacher with random weights, to be trained beside the student."""

    @abstractmethod
    def take_weights(self) -> None:
        """Copies the teacher's weights into the student's."""

    @abstractmethod
    def compared_channels(self) -> Mapping[str, int]:
        """The channels of the compared maps, by the names of their layers."""

    @abstractmethod
    def task_losses(self, batch: Any, output: Any) -> dict[str, Tensor]:
        """The losses of the task itself, by name."""

    @abstractmethod
    def response_distillation(self, batch: Any, student: Any, teacher: Any) -> Tensor:
        """The divergence of the student's answers from the teacher's."""

    @abstractmethod
    def branches(self, teacher: Any, student: Any) -> Iterator[Branch]:
        """Gives the normalised R and T of the compared layers, for each branch of the network."""

    @property
    def body(self) -> nn.Module:
        """The part of the network that has the binary layers."""
        body: nn.Module = self.model
        return body

    # -- the algorithm ----------------------------------------------------------------------------

    @property
    def layers(self) -> dict[str, BinaryConv2d]:
        """The binary layers of the student by name."""
        return binary_layers(self.body)

    def _groups(self) -> list[dict[str, Any]]:
        """Groups the parameters by rate and decay.

        The latent W has a decay of its own, real kernels have the optimiser's, and all others have
        a third: C, whose rate is eta2, batch norms, biases, and the response's gain and bias.
        """
        convs = self.layers.values()
        latent = [conv.weight for conv in convs]
        c = [conv.weight_binarizer.c for conv in convs if isinstance(conv.weight_binarizer, RBCN)]
        real = [m.weight for m in self.model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        known = {id(p) for p in (*latent, *c, *real)}
        rest = [p for p in self.model.parameters() if id(p) not in known]
        decay = self.settings.other_weight_decay
        groups: list[dict[str, Any]] = [
            {"params": latent, "weight_decay": self.settings.latent_weight_decay},
            {"params": real},
            {"params": rest, "weight_decay": decay},
        ]
        if c:
            groups.append({"params": c, "rate": self.settings.c_rate, "weight_decay": decay})
        return groups

    def start_epoch(self, epoch: int) -> None:
        """Sets rates and loss weights, and freezes the batch norms once their time has come."""
        settings = self.settings
        self.model.train()
        if epoch >= settings.freeze_norms_from * settings.epochs:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        self.epoch = epoch
        for network in networks(self):
            self.two_steps.start_epoch(network, epoch)
        rate = settings.optimiser.lr_at(*self.two_steps.within(epoch))
        for name in ("optimiser", "teacher_optimiser"):
            if name in self.optimisers:
                set_rates(self.optimisers[name], rate)
        if epoch < self.two_steps.first and settings.first_step_weight_decay is not None:
            decay = settings.first_step_weight_decay
        else:
            decay = settings.latent_weight_decay
        self.optimisers["optimiser"].param_groups[0]["weight_decay"] = decay
        self.kernel_weight = settings.kernel_loss.at(epoch)
        self.adversarial_weight = settings.adversarial_loss.at(epoch)
        self.probe = {}  # the first step of the epoch fills it
        if self.adversary:
            self.adversary.start_epoch()

    def step(self, batch: AnyBatch) -> dict[str, float]:
        """Trains on one mini-batch, as Algorithm 1 has it."""
        own_losses: dict[str, Tensor] = {}  # those of the networks with an optimiser of their own
        branches: list[Branch] = []
        if self.hashing:
            self.hashing.start(self.model, batch, self.world)
        with autocast(self.settings.precision, self.world.device):
            student = batch.run(self.wrapped)
            losses = self.task_losses(batch, student)
            losses |= self._kernel_loss()
            if self.settings.guided:
                if self.settings.teacher_loss:
                    teacher, own_losses["teacher"] = self.joint.step(batch)
                else:
                    with torch.no_grad():
                        teacher = batch.run(self.teacher)
                branches = list(self.branches(teacher, student))
                if self.adversary:
                    own_losses["discriminator"] = self.adversary.step(branches)
                losses |= self._guidance(batch, student, teacher, branches)
        if not self.probe:
            self._probe(losses, branches)
        self._descend(torch.stack(list(losses.values())).sum())
        losses |= own_losses
        return {name: value.item() for name, value in losses.items()}

    def _probe(self, losses: dict[str, Tensor], branches: list[Branch]) -> None:
        """Measures on one batch how each loss pulls at W, and how far T's maps are from R's."""
        weights = {name: conv.weight for name, conv in self.layers.items()}
        for term, norms in gradient_norms(losses, weights).items():
            self.probe[f"grad/{term}"] = math.hypot(*norms.values())
            self.probe |= {f"grad/{term}/{name}": norm for name, norm in norms.items()}
        if any(real for real, _ in branches):
            with torch.no_grad():
                self.probe["map_distance"] = _distance(branches).item()

    def _kernel_loss(self) -> dict[str, Tensor]:
        """The kernel loss: lambda1 / 2 times the squares of eq. 3, over all layers and filters."""
        if not self.kernel_weight:
            return {}
        squares = [
            conv.weight_binarizer.kernel_loss(conv.weight, self.settings.kernel_loss_grad)
            for conv in self.layers.values()
        ]
        return {"kernel": self.kernel_weight / 2 * torch.stack(squares).sum()}

    def _guidance(
        self, batch: AnyBatch, student: Any, teacher: Any, branches: list[Branch]
    ) -> dict[str, Tensor]:
        """The losses that need the teacher: the adversarial one, and those of distillation."""
        settings, losses = self.settings, {}
        if self.adversary:
            losses["adversarial"] = self.adversarial_weight * self.adversary.loss(branches)
        if settings.response_distillation:
            divergence = self.response_distillation(batch, student, teacher)
            losses["distil_response"] = settings.response_distillation * divergence
        if settings.feature_distillation:
            losses["distil_feature"] = settings.feature_distillation * _distance(branches)
        return losses

    def _descend(self, loss: Tensor) -> None:
        """Runs the backward pass and steps W and C. A loss that is not finite changes nothing."""
        optimiser = self.optimisers["optimiser"]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if not torch.isfinite(loss):
            return
        look = self.steps % FLIP_INTERVAL == 0
        before = self._signs() if look else None
        optimiser.step()
        for conv in self.layers.values():
            conv.weight_binarizer.project(conv.weight)
        if before is not None:
            self.flip_ratio = (self._signs() != before).float().mean().item()
        self.steps += 1

    def _signs(self) -> Tensor:
        return torch.cat([(conv.weight >= 0).flatten() for conv in self.layers.values()])

    def end_epoch(self, batches: Callable[[int], Iterator[AnyBatch]], steps: int) -> None:
        """Runs the BN pass (line 17) over the last share of the epoch's batches."""
        for network in networks(self):
            self.two_steps.end_epoch(network, self.epoch)
        first = steps - round(self.settings.norm_pass * steps)
        if first < steps:
            groups = self.optimisers["optimiser"].param_groups
            norm_pass(self.model, lambda: batches(first), groups[0]["lr"], self.world)

    def metrics(self) -> dict[str, float]:
        """The learning rate, the share of signs flipped by a step, and each C*.

        Besides: the norm of each loss's gradient on W and the distance of the maps, as they were in
        the epoch's first batch, and the shares of the discriminators' right verdicts.
        """
        stars = {
            f"c_star/{name}": conv.weight_binarizer.c_star.mean().item()
            for name, conv in self.layers.items()
            if isinstance(conv.weight_binarizer, RBCN)
        }
        return {
            "lr": self.optimisers["optimiser"].param_groups[0]["lr"],
            "flip_ratio": self.flip_ratio,
            **stars,
            **self.probe,
            **(self.adversary.accuracy() if self.adversary else {}),
        }


def _distance(branches: list[Branch]) -> Tensor:
    """The normalised mean squared difference of T and R, averaged over branches and layers."""
    distances = [
        feature_distillation(fake[name], real[name]) for real, fake in branches for name in real
    ]
    return torch.stack(distances).mean()
