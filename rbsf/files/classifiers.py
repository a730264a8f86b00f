"""Loads classifiers from our checkpoints, and ResNet-18 from torchvision's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbsf.config import parse_settings
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module
from rbsf.files.state_dict import read_state_dict
from rbsf.nn import NetworkSettings, ResidualNet, make_classifier

KINDS = ("classifier", "binary_classifier")
"""How the headers of checkpoints call them: in full precision, and binary."""


def load_classifier(path: str | Path) -> ResidualNet:
    """Loads a classifier in eval mode, its parameters frozen.

    Args:
        path: A checkpoint of `rbsf train classifier`, or the state dict of torchvision's ResNet-18
            (`.pth` or `.pt`), which makes a teacher for ImageNet.

    Raises:
        InputError: The file cannot be read, is damaged, or holds another network. The message names
            the file.
    """
    file = Path(path)
    if file.suffix in {".pth", ".pt"}:
        tensors, network = read_state_dict(file), _torchvisions()
    else:
        checkpoint = load_checkpoint(file)
        tensors, network = checkpoint.part("model"), _network_of(checkpoint.header, file)
    restore_module(network, tensors, str(file))
    return network.eval().requires_grad_(False)


def is_classifier_checkpoint(file: Path) -> bool:
    """Whether a file is the checkpoint of a classifier; False if it cannot be read."""
    try:
        return load_checkpoint(file).header.get("kind") in KINDS
    except InputError:
        return False  # what is wrong is said when it is loaded


def _network_of(header: dict[str, Any], file: Path) -> ResidualNet:
    """Makes an untrained network of the architecture that a header names."""
    config, kind = header.get("config", {}), header.get("kind")
    if kind not in KINDS or not isinstance(config.get("network"), dict):
        raise InputError(f"{file} holds no classifier: train one by rbsf train classifier")
    settings = parse_settings(NetworkSettings, config["network"], str(file))
    if kind == "classifier":
        return make_classifier(settings)
    try:
        return make_classifier(
            settings, config["weights"], config["activations"], config["c_shape"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} is of another architecture: {error}") from None


def _torchvisions() -> ResidualNet:
    return make_classifier(NetworkSettings(stem="large", shortcut="block", classes=1000))
