"""The binary SiamFC as a student of Algorithm 1 (see `rbsf.train.distillation`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.nn import functional as F

from rbsf.embedder import SHIPPED_TEACHER
from rbsf.errors import InputError
from rbsf.files.networks import load_network
from rbsf.losses import response_distillation
from rbsf.nn import LAYERS, AlexNetV1, BinaryAlexNetV1, Output, SiamFC, make_student
from rbsf.nn.discriminator import normalise
from rbsf.train.adversary import Branch
from rbsf.train.distillation import Distillation
from rbsf.train.loop import Batch
from rbsf.train.negatives import negative_loss
from rbsf.train.settings import StudentSettings


class StudentTask(Distillation):
    """Trains the binary SiamFC against a full-precision one, on pairs."""

    kind = "student"
    model: SiamFC
    teacher: SiamFC
    settings: StudentSettings

    @property
    def backbone(self) -> BinaryAlexNetV1:
        """The student's backbone."""
        assert isinstance(self.model.backbone, BinaryAlexNetV1)
        return self.model.backbone

    @property
    def body(self) -> BinaryAlexNetV1:
        """The backbone, which has the binary layers."""
        return self.backbone

    def make_model(self) -> SiamFC:
        settings = self.settings
        return make_student(settings.weights, settings.activations, settings.c_shape)

    def load_teacher(self) -> SiamFC:
        return load_teacher(self.settings)

    def make_teacher(self) -> SiamFC:
        return SiamFC(learn_response=True)

    def take_weights(self) -> None:
        self.backbone.take_weights(self.teacher.backbone)  # type: ignore[arg-type]

    def compared_channels(self) -> Mapping[str, int]:
        widths = {layer.name: layer.outputs for layer in LAYERS}
        return {name: widths[name] for name in self.settings.discriminator_layers}

    def task_losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        losses = {"response": batch.loss(output)}
        return losses | negative_loss(self.settings.batch_negatives, self.model, output, batch)

    def response_distillation(self, batch: Batch, student: Output, teacher: Output) -> Tensor:
        return response_distillation(student.responses, teacher.responses, batch.labels)

    def branches(self, teacher: Output, student: Output) -> Iterator[Branch]:
        """Gives the normalised R and T of the compared layers: of exemplars, then of searches."""
        order = [layer.name for layer in LAYERS]
        picked = [order.index(name) for name in self.settings.discriminator_layers]
        for real, fake, stride in (
            (teacher.exemplar_maps, student.exemplar_maps, 1),
            (teacher.search_maps, student.search_maps, self.settings.search_map_stride),
        ):
            if self.settings.compared_maps == "after":
                real, fake = self._activated(real, fake)
            yield (
                {order[i]: normalise(real[i][..., ::stride, ::stride]) for i in picked},
                {order[i]: normalise(fake[i][..., ::stride, ::stride]) for i in picked},
            )

    def _activated(
        self, real: list[Tensor], fake: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Maps as the next layer sees them, after ReLU or sign. The feature stays as it is."""
        signs = [conv.activation_binarizer for conv in self.backbone.binary_layers().values()]
        return (
            [*map(F.relu, real[:-1]), real[-1]],
            [*(sign(t) for sign, t in zip(signs, fake, strict=False)), fake[-1]],
        )

    def metrics(self) -> dict[str, float]:
        """Those of every student, and the response's gain and bias."""
        gain, bias = self.model.gain.item(), self.model.bias.item()
        return super().metrics() | {"gain": gain, "bias": bias}


def load_teacher(settings: StudentSettings) -> SiamFC:
    """Loads the teacher that a run names, or the shipped one if it names none.

    Raises:
        InputError: The file is missing or cannot be read, or it is a binary network.
    """
    path = settings.teacher or SHIPPED_TEACHER
    teacher = load_network(path)
    if not isinstance(teacher.backbone, AlexNetV1):
        raise InputError(f"{path} is a binary network, but a teacher must have full precision")
    return teacher
