"""The settings of a training run, which are the keys of the files in configs/."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rbsf.binarize import ActivationBinarizerName, CShape, WeightBinarizerName
from rbsf.binarize.weights import KernelLossGrad
from rbsf.config import Settings
from rbsf.data import DataSettings
from rbsf.losses import Gan
from rbsf.nn.discriminator import Entry

BinaryLayerName = Literal["conv2", "conv3", "conv4", "conv5"]


class OptimiserSettings(Settings):
    """An optimiser with an exponential schedule. The defaults are SiamFC's.

    The learning rate is set at the start of each epoch: lr(e) = lr * (final_lr / lr)^(e / epochs).
    """

    name: Literal["sgd", "adam"] = "sgd"
    lr: float = Field(1e-2, gt=0, description="The learning rate of the first epoch.")
    final_lr: float = Field(
        1e-5, gt=0, description="The rate that the schedule reaches after the last epoch."
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="The momentum of SGD. Adam's betas are 0.9 and 0.999."
    )
    weight_decay: float = Field(5e-4, ge=0)

    def lr_at(self, epoch: int, epochs: int) -> float:
        """The learning rate of an epoch, counted from 0, in a run of `epochs`."""
        return self.lr * float((self.final_lr / self.lr) ** (epoch / epochs))


class RunSettings(Settings):
    """The settings that teacher and student have in common."""

    seed: int = Field(0, ge=0, description="The seed of every random choice.")
    epochs: int = Field(50, ge=1)
    batch: int = Field(
        8,
        ge=1,
        description="The pairs per step and process. Pairs that fill no batch are dropped.",
    )
    optimiser: OptimiserSettings = OptimiserSettings()
    data: DataSettings = DataSettings()
    device: str = Field("auto", description="The device: auto, cpu, cuda or cuda:N.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="The precision of autocast, see `rbsf.train.optim.autocast`."
    )
    compile: bool = Field(False, description="Whether the network runs through torch.compile.")
    workers: int = Field(1, ge=0, description="How many processes make pairs.")
    checkpoint_steps: int = Field(
        500, ge=1, description="The number of steps between checkpoints within an epoch."
    )
    validate_epochs: int = Field(
        1, ge=1, description="The number of epochs from one validation to the next."
    )


class TeacherSettings(RunSettings):
    """The settings of the full-precision SiamFC. The defaults are siamfc-pytorch's."""


class Decaying(Settings):
    """A loss weight that falls in steps: value * gamma^floor(epoch / every)."""

    value: float = Field(ge=0, description="The weight in the first epochs.")
    gamma: float = Field(0.9, gt=0, le=1, description="The factor of each step.")
    every: int = Field(60, ge=1, description="The number of epochs between steps.")

    def at(self, epoch: int) -> float:
        """The weight in an epoch, counted from 0."""
        return self.value * float(self.gamma ** (epoch // self.every))


class StudentSettings(RunSettings):
    """The settings of the binary SiamFC, distilled from a teacher. The defaults are the paper's."""

    teacher: str | None = Field(
        None, description="The teacher's checkpoint. None is the shipped teacher."
    )
    init: Literal["random", "teacher"] = Field(
        "random", description="Whether the network starts at random or from the teacher's weights."
    )
    weights: WeightBinarizerName = "rbcn"
    activations: ActivationBinarizerName = "approx"
    c_shape: CShape = Field("kernel", description="The shape of C, see `rbsf.binarize.RBCN`.")
    c_rate: float = Field(
        0.1, gt=0, description="The learning rate of C relative to that of W, eta2 / eta1."
    )
    latent_weight_decay: float = Field(
        1e-4, ge=0, description="The weight decay on the latent W of binary layers."
    )

    kernel_loss: Decaying = Field(Decaying(value=0.01), description="lambda1 of the paper.")
    kernel_loss_grad: KernelLossGrad = Field(
        "direct", description="See `rbsf.binarize.RBCN.kernel_loss`."
    )
    adversarial_loss: Decaying = Field(Decaying(value=0.01), description="lambda2 of the paper.")
    gan: Gan = Field("rbcn", description="See `rbsf.losses.adversarial_loss`.")
    discriminator_entry: Entry = Field(
        "positions", description="See `rbsf.nn.discriminator.Discriminator`."
    )
    discriminator_layers: tuple[BinaryLayerName, ...] = Field(
        ("conv2", "conv3", "conv4", "conv5"),
        description="The layers whose maps R and T are compared.",
    )
    compared_maps: Literal["before", "after"] = Field(
        "before", description="Whether R and T are taken before or after ReLU and sign."
    )
    discriminator_lr: float = Field(
        2e-4, gt=0, description="The learning rate of the discriminators' Adam."
    )

    search_map_stride: int = Field(
        1, ge=1, le=4, description="The step between the cells of search maps that are compared."
    )

    response_distillation: float = Field(
        0, ge=0, description="The weight of the loss between the responses of both networks."
    )
    feature_distillation: float = Field(
        0, ge=0, description="The weight of the loss between the maps of both networks."
    )
    freeze_norms_from: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share of epochs after which training uses running statistics.",
    )
    norm_pass: float = Field(
        0.1, ge=0, le=1, description="The share of an epoch that its BN pass sees."
    )

    @model_validator(mode="after")
    def _compares_what_it_distils(self) -> StudentSettings:
        if self.feature_distillation and not self.discriminator_layers:
            raise ValueError("feature_distillation needs discriminator_layers, where it compares")
        return self

    @property
    def adversarial(self) -> bool:
        """Whether the run trains discriminators."""
        return self.adversarial_loss.value > 0 and bool(self.discriminator_layers)

    @property
    def guided(self) -> bool:
        """Whether a step needs the teacher's maps or responses."""
        distils = self.response_distillation > 0 or self.feature_distillation > 0
        return self.adversarial or distils
