"""The training of classifiers: a real one on its labels, a binary one by Algorithm 1 as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.data.on_device.draws import Draws
from rbsf.data.pictures import (
    Picture,
    Pictures,
    PictureSettings,
    Small,
    check_classes,
    open_split,
    training_pictures,
)
from rbsf.errors import InputError
from rbsf.files.classifiers import load_classifier
from rbsf.nn import Answer, ResidualNet, binary_layers, make_classifier
from rbsf.nn.discriminator import normalise
from rbsf.train.accuracy import measure_accuracy
from rbsf.train.adversary import Branch
from rbsf.train.classifier_settings import BinaryClassifierSettings, ClassifierSettings
from rbsf.train.distillation import Distillation
from rbsf.train.distributed import World
from rbsf.train.feed import BatchFeed
from rbsf.train.loop import Loop, Task, Validate
from rbsf.train.run import train, train_once
from rbsf.train.teacher import Supervised


class PictureBatch:
    """A batch of pictures on the device.

    Args:
        pictures: The pictures, stacked.
        device: Where the batch goes.
        label_smoothing: The share of a label that is spread over all classes.

    Attributes:
        pixels: (N, 3, S, S), RGB floats from 0 to 255.
        labels: The numbers of the classes, (N,).
    """

    def __init__(
        self, pictures: Picture, device: torch.device, label_smoothing: float = 0.0
    ) -> None:
        pixels = pictures.pixels.to(device, non_blocking=True).float()
        self.pixels = pixels.contiguous(memory_format=torch.channels_last)
        self.labels = pictures.label.to(device, non_blocking=True)
        self.label_smoothing = label_smoothing

    def run(self, network: nn.Module) -> Answer:
        """Runs a classifier on the pictures."""
        answer: Answer = network(self.pixels)
        return answer

    def loss(self, answer: Answer) -> Tensor:
        """The cross-entropy of the labels."""
        return F.cross_entropy(answer.logits, self.labels, label_smoothing=self.label_smoothing)


class PictureFeed:
    """The batches of this process, made on its device from pictures in memory.

    Args:
        pictures: The pictures.
        batch: The number of pictures in a batch of one process.
        steps: The number of batches in an epoch.
        world: This process among all.
    """

    def __init__(self, pictures: Small, batch: int, steps: int, world: World) -> None:
        self.pictures, self.batch, self.steps, self.world = pictures, batch, steps, world
        pictures.to(world.device)

    def batches(self, epoch: int, first: int) -> Iterator[Picture]:
        """Gives the batches of an epoch. What is random follows from seed, epoch, number, rank."""
        self.pictures.set_epoch(epoch)
        for number in range(first, self.steps):
            start = (number * self.world.size + self.world.rank) * self.batch
            seed = (self.pictures.seed, epoch, number, self.world.rank)
            draw = Draws(self.world.device, seed)
            yield self.pictures.batch(range(start, start + self.batch), draw)


class PictureLoop(Loop):
    """The training loop on pictures."""

    unit = "pictures"
    best_by = "top1"
    settings: ClassifierSettings

    def open_feed(self) -> BatchFeed:
        if isinstance(self.dataset, Small):
            return PictureFeed(self.dataset, self.settings.batch, self.steps, self.world)
        return super().open_feed()

    def make_batch(self, item: Picture) -> PictureBatch:
        return PictureBatch(item, self.world.device, self.settings.label_smoothing)


class ClassifierTask(Supervised):
    """Trains a classifier in full precision."""

    kind = "classifier"
    model: ResidualNet
    settings: ClassifierSettings

    def make_model(self) -> ResidualNet:
        return make_classifier(self.settings.network)

    def task_losses(self, batch: PictureBatch, answer: Answer) -> dict[str, Tensor]:
        return {"label": batch.loss(answer)}


class BinaryClassifierTask(Distillation):
    """Trains a binary classifier against a real one of the same layers."""

    kind = "binary_classifier"
    model: ResidualNet
    teacher: ResidualNet
    settings: BinaryClassifierSettings

    def make_model(self) -> ResidualNet:
        s = self.settings
        return make_classifier(s.network, s.weights, s.activations, s.c_shape)

    def load_teacher(self) -> ResidualNet:
        path = self.settings.teacher
        if path is None:
            raise InputError(
                "the settings need a teacher but name none: train one by a file without weights, "
                "and give its checkpoint by --teacher"
            )
        teacher = load_classifier(path)
        if binary_layers(teacher):
            raise InputError(f"{path} is a binary network, but a teacher must have full precision")
        if teacher.layers != self.model.layers or teacher.fc.weight.shape[0] != (
            self.settings.network.classes
        ):
            raise InputError(
                f"{path} is a {teacher.settings.architecture} of {teacher.settings.classes} "
                f"classes, but the student is a {self.settings.network.architecture} of "
                f"{self.settings.network.classes}: train a teacher of the student's architecture"
            )
        return teacher

    def make_teacher(self) -> ResidualNet:
        return make_classifier(self.settings.network)

    def take_weights(self) -> None:
        try:
            self.model.take_weights(self.teacher)
        except RuntimeError as error:
            raise InputError(
                f"{self.settings.teacher} has other stages than the student, so init: teacher "
                f"cannot be: {error}"
            ) from None

    def compared_channels(self) -> Mapping[str, int]:
        known = self.model.channels
        names = self.settings.discriminator_layers
        names = tuple(known) if names is None else names
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(
                f"discriminator_layers: there is no layer {unknown[0]}: the layers are "
                f"{', '.join(known)}"
            )
        return {name: known[name] for name in names}

    def task_losses(self, batch: PictureBatch, answer: Answer) -> dict[str, Tensor]:
        return {"label": batch.loss(answer)}

    def response_distillation(
        self, batch: PictureBatch, student: Answer, teacher: Answer
    ) -> Tensor:
        """The divergence KL(teacher || student) of the classes, averaged over the pictures."""
        ours, theirs = (a.logits.log_softmax(dim=1) for a in (student, teacher))
        return F.kl_div(ours, theirs, reduction="batchmean", log_target=True)

    def branches(self, teacher: Answer, student: Answer) -> Iterator[Branch]:
        """Gives the normalised R and T of the compared layers. There is one branch."""
        stride, order = self.settings.map_stride, self.model.layers
        picked = {name: order.index(name) for name in self.compared_channels()}
        real, fake = (
            {name: normalise(maps[i][..., ::stride, ::stride]) for name, i in picked.items()}
            for maps in (teacher.maps, student.maps)
        )
        yield real, fake


def task_of(settings: ClassifierSettings) -> Callable[[Any, World], Task]:
    """The task that the settings are for."""
    binary = isinstance(settings, BinaryClassifierSettings)
    return BinaryClassifierTask if binary else ClassifierTask


def open_checked(settings: ClassifierSettings) -> Callable[[PictureSettings, int], Pictures]:
    """Gives what opens the pictures, and checks that they have the network's classes."""

    def open_dataset(data: PictureSettings, seed: int) -> Pictures:
        split = open_split(data, train=True)
        check_classes(split, settings.network.classes, "the network of the settings")
        return training_pictures(split, data, seed)

    return open_dataset


def accuracy_validation(settings: ClassifierSettings) -> Validate:
    """Measures top-1 and top-5 on the test pictures during a training."""
    split = open_split(settings.data, train=False)

    def validate(network: ResidualNet, world: World) -> dict[str, float]:
        return measure_accuracy(network, split, settings.data.side, world)._asdict()

    return validate


def train_classifier(settings: ClassifierSettings, folder: Path, *, resume: bool = False) -> bool:
    """Trains a classifier in a folder, as `rbsf.train.run.train` does, and tests it ten times."""
    return train(
        task_of(settings),
        settings,
        folder,
        resume=resume,
        validate=accuracy_validation(settings),
        open_dataset=open_checked(settings),
        loop_type=PictureLoop,
    )


def train_classifier_once(settings: ClassifierSettings, folder: Path) -> Path:
    """Trains a classifier to the end if it is not, as `rbsf.train.run.train_once` does."""
    return train_once(
        task_of(settings),
        settings,
        folder,
        open_dataset=open_checked(settings),
        loop_type=PictureLoop,
    )
