"""Trains and measures classifiers: the paper's ResNet-18 and WRNs, real and binary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.config import CONFIGS, load_settings, read_yaml
from rbsf.console import run_tool
from rbsf.engine.classifier_format import PackedClassifier, read_classifier
from rbsf.engine.packed import open_classifier

from .options import Output, Resume, check_file, check_folder, finish_run

if TYPE_CHECKING:
    from torch import Tensor

    from rbsf.train.accuracy import Classify
    from rbsf.train.classifier_settings import ClassifierSettings

Root = Annotated[
    Path | None,
    typer.Option(help="The folder of the pictures. Without this option, the one in the settings."),
]


def classifier(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the run's settings. If it names a binarizer (weights), the "
            "network is binary, and else it is a teacher in full precision.",
            show_default="configs/classify/wrn22_rbcn_cifar10.yaml",
        ),
    ] = CONFIGS / "classify" / "wrn22_rbcn_cifar10.yaml",
    root: Root = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            help="The teacher's checkpoint, or the weights of torchvision's ResNet-18 (.pth). "
            "Without this option, the one in the settings."
        ),
    ] = None,
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Trains a classifier: a teacher in full precision, or a binary network distilled from it.

    Examples:

    `rbsf train classifier --config configs/classify/wrn22_cifar10.yaml --root data/cifar10`

    `rbsf train classifier --root data/cifar10 --teacher runs/wrn22_cifar10/best.safetensors`

    `torchrun --nproc-per-node 8 tools/train_classifier.py
    --config configs/classify/resnet18_rbcn_imagenet.yaml --root imagenet --teacher resnet18.pth`

    Ctrl-C saves the run. With --resume it continues as if it had never stopped.
    """
    check_file(config, "--config")
    check_folder(root, "--root", "the folder of the pictures")
    check_file(teacher, "--teacher")
    from rbsf.train.classifier import train_classifier

    settings = classifier_settings(config, root, teacher)
    folder = output or Path("runs") / config.stem
    finish_run(train_classifier(settings, folder, resume=resume), folder)


def classifier_settings(
    config: Path, root: Path | None = None, teacher: Path | None = None
) -> ClassifierSettings:
    """Reads the settings of a classifier: a binary one if the file names its weight binarizer.

    Args:
        config: The file.
        root: The folder of the pictures. None keeps the file's.
        teacher: The teacher's checkpoint. None keeps the file's.

    Raises:
        InputError: The file cannot be read, or a key or value is wrong.
    """
    from rbsf.train.classifier_settings import BinaryClassifierSettings, ClassifierSettings

    binary = "weights" in read_yaml(config)
    settings = load_settings(BinaryClassifierSettings if binary else ClassifierSettings, config)
    if root is not None:
        data = settings.data.model_copy(update={"root": str(root)})
        settings = settings.model_copy(update={"data": data})
    if teacher is not None and binary:
        settings = settings.model_copy(update={"teacher": str(teacher)})
    return settings


def evaluate(
    weights: Annotated[
        list[Path],
        typer.Option(
            help="A checkpoint of a classifier, or a packed one. Repeat the option for several."
        ),
    ],
    root: Annotated[
        Path,
        typer.Option(
            help="The folder of the data: that of test/CLASS/ or val/CLASS/, or of the data set "
            "that --kind names."
        ),
    ],
    kind: Annotated[
        str, typer.Option(help="folder, mnist, cifar10, cifar100 or imagenet.")
    ] = "folder",
    side: Annotated[int, typer.Option(min=8, help="The side of a picture in pixels.")] = 32,
    device: Annotated[str, typer.Option(help="One of auto, cpu, cuda and cuda:N.")] = "auto",
) -> None:
    """Measures classifiers on the test pictures: top-1 and top-5.

    A checkpoint runs in torch, and a packed file in the engine, on the CPU.

    Examples:

    `python tools/evaluate_classifier.py --weights runs/wrn22_rbcn_cifar10/best.safetensors
    --root data/cifar10`

    `python tools/evaluate_classifier.py --weights resnet18.pth --root imagenet --side 224`
    """
    for file in weights:
        check_file(file, "--weights")
    check_folder(root, "--root", "the folder of the pictures")
    from rbsf.config import parse_settings
    from rbsf.data.pictures import PictureSettings, check_classes, open_split
    from rbsf.files.classifiers import load_classifier
    from rbsf.train.accuracy import measure_accuracy, share_right
    from rbsf.train.distributed import open_world

    values = {"kind": kind, "root": str(root), "side": side}
    split = open_split(parse_settings(PictureSettings, values, "the command line"), train=False)
    with open_world(device) as world:
        for file in weights:
            if file.suffix == ".rbsf":
                packed = read_classifier(file)
                check_classes(split, len(packed.bias), str(file))
                found = share_right(_packed(packed), split, side, world)
            else:
                network = load_classifier(file).to(world.device)
                check_classes(split, network.settings.classes, str(file))
                found = measure_accuracy(network, split, side, world)
            top1, top5 = found
            typer.echo(f"{file}: top-1 {top1:.2%}, top-5 {top5:.2%} of {len(split)} pictures")


def _packed(classifier: PackedClassifier) -> Classify:
    """A packed classifier on the compiled kernels, for pictures (N, 3, H, W) of torch."""
    import torch

    engine = open_classifier(classifier, threads=None)

    def classify(pixels: Tensor) -> Tensor:
        images = pixels.permute(0, 2, 3, 1).cpu().contiguous().numpy()
        return torch.from_numpy(engine.classify(images)).to(pixels.device)

    return classify


def train_classifier() -> None:
    """Runs the training with the words of the command line."""
    run_tool("rbsf train classifier", classifier)


def evaluate_classifier() -> None:
    """Runs the measurement with the words of the command line."""
    run_tool("python tools/evaluate_classifier.py", evaluate)
