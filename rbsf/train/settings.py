"""The settings of a training run, which are the keys of the files in configs/."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from rbsf.binarize import ActivationBinarizerName, CShape, WeightBinarizerName
from rbsf.binarize.weights import KernelLossGrad
from rbsf.config import Settings
from rbsf.data import DataSettings
from rbsf.files.weights import SHIPPED_TEACHER
from rbsf.labels import LabelSettings
from rbsf.losses import Gan, Reduction
from rbsf.nn.discriminator import Entry

BinaryLayerName = Literal["conv2", "conv3", "conv4", "conv5"]


class OptimiserSettings(Settings):
    """An optimiser and the schedule of its learning rate. The defaults are SiamFC's.

    The rate is set at the start of each epoch e. With t = e / epochs, an exponential schedule is
    lr(e) = lr * (final_lr / lr)^t, and a linear one is lr(e) = lr + (final_lr - lr) t.
    """

    name: Literal["sgd", "adam"] = Field("sgd", description="The optimiser.")
    lr: float = Field(1e-2, gt=0, description="The learning rate of the first epoch.")
    final_lr: float = Field(1e-5, gt=0, description="What the learning rate falls to.")
    schedule: Literal["exponential", "linear"] = Field(
        "exponential", description="How the learning rate falls."
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="The momentum of SGD. Adam's betas are 0.9 and 0.999."
    )
    weight_decay: float = Field(
        5e-4, ge=0, description="The decay of the teacher, and of the student's first kernel."
    )

    def lr_at(self, epoch: int, epochs: int) -> float:
        """The learning rate of an epoch, counted from 0, in a run of `epochs`."""
        if self.schedule == "linear":
            return self.lr + (self.final_lr - self.lr) * epoch / epochs
        return self.lr * float((self.final_lr / self.lr) ** (epoch / epochs))


class LoopSettings(Settings):
    """The settings that every training has."""

    data: Any
    """Where the data is. Each kind of training has settings of its own for it."""

    seed: int = Field(0, ge=0, description="The seed of every random choice.")
    epochs: int = Field(50, ge=1, description="How many epochs are trained.")
    batch: int = Field(
        8,
        ge=1,
        description="Pairs or pictures in each step of each process. What is left of an epoch is "
        "dropped.",
    )
    optimiser: OptimiserSettings = Field(
        OptimiserSettings(), description="The optimiser and its schedule."
    )
    ema: float = Field(
        0,
        ge=0,
        lt=1,
        description="The decay of the running average of the weights, which is measured and kept "
        "in place of the weights themselves. 0 keeps the weights.",
    )
    norm_estimate: float = Field(
        0,
        ge=0,
        le=1,
        description="The share of an epoch over which the batch norms of the kept network are "
        "estimated anew after it.",
    )
    device: str = Field("auto", description="One of auto, cpu, cuda and cuda:N.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="Autocast. auto is bf16 on CUDA and on CPUs that gain from it, else fp32.",
    )
    compile: bool = Field(False, description="Compile the network with torch.compile.")
    workers: int | None = Field(
        None,
        ge=0,
        description="Processes that make pairs or pictures. null takes the machine's cores: with a "
        "GPU, this process's share of them, but 32 at most; without one, a single core.",
    )
    checkpoint_steps: int = Field(500, ge=1, description="Steps between two checkpoints.")
    validate_epochs: int | None = Field(
        None, ge=1, description="Epochs between two validations. null is a tenth of all epochs."
    )

    @property
    def validation_interval(self) -> int:
        """The epochs between two validations."""
        return self.validate_epochs or max(1, self.epochs // 10)

    def input_files(self) -> dict[str, str]:
        """The files that the run reads besides its data, by their keys.

        They may lie elsewhere when the run is resumed, but their content must be the same.
        """
        return {}


class RunSettings(LoopSettings):
    """The settings that the trackers' trainings have in common."""

    data: DataSettings = Field(
        DataSettings(), description="Where pairs come from and how they are augmented."
    )
    labels: LabelSettings = Field(
        LabelSettings(),
        description="Which cells of a response say that the target is there.",
    )
    batch_negatives: float = Field(
        0,
        ge=0,
        description="The weight of the loss of each search's responses to the other exemplars of "
        "the batch.",
    )


class TeacherSettings(RunSettings):
    """The settings of the full-precision SiamFC. The defaults are siamfc-pytorch's."""


class Decaying(Settings):
    """A loss weight that falls in steps: value * gamma^floor(epoch / every)."""

    value: float = Field(ge=0, description="The weight in the first epoch; 0 is off.")
    gamma: float = Field(0.9, gt=0, le=1, description="What the weight is multiplied by each time.")
    every: int = Field(60, ge=1, description="Epochs between two such multiplications.")

    def at(self, epoch: int) -> float:
        """The weight in an epoch, counted from 0."""
        return self.value * float(self.gamma ** (epoch // self.every))


class DistillationSettings(LoopSettings):
    """The settings of a binary network that is distilled from a teacher.

    The defaults are the paper's, but for two of the adversary: `adversarial_reduction`, which keeps
    lambda2 independent of the size of the maps, and `discriminator_entry`.
    """

    teacher: str | None = Field(None, description="The teacher's checkpoint.")
    teacher_loss: float = Field(
        0,
        ge=0,
        description="The weight of the teacher's own task loss. Above 0 there is no trained "
        "teacher: one is trained from scratch beside the student (Apprentice, scheme A).",
    )
    init: Literal["random", "teacher", "bwnh"] = Field(
        "random",
        description="Where the student's weights start: at random, at the teacher's, or at the "
        "teacher's as BWNH hashes them on the first batch.",
    )
    weights: WeightBinarizerName = Field("rbcn", description="The weight binarizer.")
    activations: ActivationBinarizerName = Field("approx", description="The activation binarizer.")
    c_shape: CShape = Field(
        "kernel", description="Whether C is a k x k matrix, a number, or a number for each filter."
    )
    c_rate: float = Field(
        0.1, gt=0, description="The learning rate of C relative to that of W (eta2 / eta1)."
    )
    binary_weights_from: float = Field(
        0,
        ge=0,
        lt=1,
        description="The share of the epochs in which only activations are binary. Then weights "
        "become binary too, and the schedule of the learning rate begins again.",
    )
    latent_weight_decay: float = Field(
        1e-4, ge=0, description="The weight decay of the binary layers' latent weights W."
    )
    first_step_weight_decay: float | None = Field(
        None,
        ge=0,
        description="The weight decay of W before weights become binary, see binary_weights_from. "
        "null is that of after.",
    )
    other_weight_decay: float = Field(
        0, ge=0, description="The weight decay of C, batch norms, biases and the response's gain."
    )

    kernel_loss: Decaying = Field(
        Decaying(value=0.01), description="The weight of the kernel loss (lambda 1)."
    )
    kernel_loss_grad: KernelLossGrad = Field(
        "direct", description="The way by which the gradient of the kernel loss reaches W."
    )
    adversarial_loss: Decaying = Field(
        Decaying(value=0.01), description="The weight of the adversarial loss (lambda 2)."
    )
    adversarial_reduction: Reduction = Field(
        "mean",
        description="Whether the losses of all verdicts on one map are added, as in eq. 4, or "
        "averaged.",
    )
    gan: Gan = Field("rbcn", description="The form of the adversarial losses.")
    discriminator_entry: Entry = Field(
        "positions", description="How a map enters its discriminator, and so what is judged."
    )
    discriminator_layers: tuple[str, ...] | None = Field(
        None,
        description="The layers in which the teacher's and the student's maps are compared. null "
        "compares every binary layer.",
    )
    discriminator_lr: float = Field(
        2e-4, gt=0, description="The learning rate of the discriminators' Adam."
    )

    response_distillation: float = Field(
        0,
        ge=0,
        description="The weight of the divergence from the teacher's responses, or of a classifier "
        "from its teacher's logits.",
    )
    feature_distillation: float = Field(
        0, ge=0, description="The weight of the difference from the teacher's normalised maps."
    )
    freeze_norms_from: float = Field(
        1.0,
        gt=0,
        le=1,
        description="The share of the epochs after which batch norms use their running statistics.",
    )
    norm_pass: float = Field(
        0.1,
        ge=0,
        le=1,
        description="The share of an epoch that the pass over batch norms sees after it.",
    )

    @model_validator(mode="after")
    def _compares_what_it_distils(self) -> DistillationSettings:
        if self.feature_distillation and self.discriminator_layers == ():
            raise ValueError("feature_distillation needs discriminator_layers, where it compares")
        return self

    @model_validator(mode="after")
    def _has_the_teacher_that_it_needs(self) -> DistillationSettings:
        if self.teacher_loss and self.init != "random":
            raise ValueError("a teacher_loss trains the teacher too, so init must be random")
        return self

    @property
    def adversarial(self) -> bool:
        """Whether the run trains discriminators."""
        return self.adversarial_loss.value > 0 and self.discriminator_layers != ()

    @property
    def guided(self) -> bool:
        """Whether a step needs the teacher's maps or responses."""
        distils = self.response_distillation > 0 or self.feature_distillation > 0
        return self.adversarial or distils or self.teacher_loss > 0

    @property
    def taught(self) -> bool:
        """Whether the run needs a trained teacher, to be guided by it or to start from it."""
        return (self.guided or self.init != "random") and not self.teacher_loss

    def input_files(self) -> dict[str, str]:
        """The teacher's checkpoint, if the run needs one."""
        return {"teacher": self.teacher} if self.taught and self.teacher else {}


class StudentSettings(RunSettings, DistillationSettings):
    """The settings of the binary SiamFC. Without a `teacher`, the shipped one is the teacher."""

    discriminator_layers: tuple[BinaryLayerName, ...] = Field(
        ("conv2", "conv3", "conv4", "conv5"),
        description="The layers in which the teacher's and the student's maps are compared.",
    )
    compared_maps: Literal["before", "after"] = Field(
        "before", description="Whether maps are compared before or after ReLU and sign."
    )
    search_map_stride: int = Field(
        1,
        ge=1,
        le=4,
        description="Only every such row and column of the search's maps is compared.",
    )

    def input_files(self) -> dict[str, str]:
        """The teacher's checkpoint, if the run needs one."""
        return {"teacher": self.teacher or str(SHIPPED_TEACHER)} if self.taught else {}
