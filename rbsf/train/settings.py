"""Settings of a training run: what a YAML in configs/ may say."""

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
    """An optimiser and its exponential schedule, stepped at the start of each epoch:
    lr(e) = lr * (final_lr / lr)^(e / epochs). Defaults are SiamFC's."""

    name: Literal["sgd", "adam"] = "sgd"
    lr: float = Field(1e-2, gt=0)
    final_lr: float = Field(1e-5, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD; Adam's betas are 0.9, 0.999")
    weight_decay: float = Field(5e-4, ge=0)

    def lr_at(self, epoch: int, epochs: int) -> float:
        """The learning rate of an epoch, 0-based."""
        return self.lr * float((self.final_lr / self.lr) ** (epoch / epochs))


class RunSettings(Settings):
    """What teacher and student have in common."""

    seed: int = Field(0, ge=0)
    epochs: int = Field(50, ge=1)
    batch: int = Field(8, ge=1, description="pairs a step and process; an epoch's rest is dropped")
    optimiser: OptimiserSettings = OptimiserSettings()
    data: DataSettings = DataSettings()
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="autocast; auto is bf16 on CUDA and on CPUs that multiply it natively"
    )
    compile: bool = False
    workers: int = Field(1, ge=0, description="processes that make pairs")
    checkpoint_steps: int = Field(500, ge=1)
    validate_epochs: int = Field(1, ge=1, description="epochs between validations")


class TeacherSettings(RunSettings):
    """The full-precision SiamFC; defaults are siamfc-pytorch's."""


class Decaying(Settings):
    """A loss weight that falls: value * gamma^floor(epoch / every)."""

    value: float = Field(ge=0)
    gamma: float = Field(0.9, gt=0, le=1)
    every: int = Field(60, ge=1, description="epochs")

    def at(self, epoch: int) -> float:
        """The weight in an epoch, 0-based."""
        return self.value * float(self.gamma ** (epoch // self.every))


class StudentSettings(RunSettings):
    """The binary SiamFC distilled from a teacher (Algorithm 1); defaults are the paper's."""

    teacher: str | None = Field(None, description="its checkpoint; none: the shipped one")
    init: Literal["random", "teacher"] = "random"
    weights: WeightBinarizerName = "rbcn"
    activations: ActivationBinarizerName = "approx"
    c_shape: CShape = "kernel"
    c_rate: float = Field(0.1, gt=0, description="eta2 / eta1: C's learning rate relative to W's")
    latent_weight_decay: float = Field(1e-4, ge=0, description="of the binary layers' W")

    kernel_loss: Decaying = Decaying(value=0.01)  # lambda 1
    kernel_loss_grad: KernelLossGrad = "direct"
    adversarial_loss: Decaying = Decaying(value=0.01)  # lambda 2
    gan: Gan = "rbcn"
    discriminator_entry: Entry = "positions"
    discriminator_layers: tuple[BinaryLayerName, ...] = Field(
        ("conv2", "conv3", "conv4", "conv5"),
        description="where R and T are compared",
    )
    compared_maps: Literal["before", "after"] = Field(
        "before", description="R and T before or after ReLU and sign"
    )
    discriminator_lr: float = Field(2e-4, gt=0, description="of its Adam")

    search_map_stride: int = Field(
        1, ge=1, le=4, description="cells between those at which the searches' maps are compared"
    )

    response_distillation: float = Field(0, ge=0)
    feature_distillation: float = Field(0, ge=0)
    freeze_norms_from: float = Field(
        1.0, gt=0, le=1, description="share of the epochs after which steps use running statistics"
    )
    norm_pass: float = Field(0.1, ge=0, le=1, description="share of an epoch its BN pass sees")

    @model_validator(mode="after")
    def _compares_what_it_distils(self) -> StudentSettings:
        if self.feature_distillation and not self.discriminator_layers:
            raise ValueError("feature_distillation needs discriminator_layers to compare")
        return self

    @property
    def adversarial(self) -> bool:
        """Whether there are discriminators."""
        return self.adversarial_loss.value > 0 and bool(self.discriminator_layers)

    @property
    def guided(self) -> bool:
        """Whether a step needs the teacher's maps or responses."""
        distils = self.response_distillation > 0 or self.feature_distillation > 0
        return self.adversarial or distils
