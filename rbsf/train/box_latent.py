"""Stores the weights of a box network so that a later training can start from them.

The file is small, and exact in its bits. A latent weight acts through its sign alone, and half
precision says well enough how near it is to turning. All other tensors (the first layer, the norms
and the head) stay as they are, because the norms of pixels exceed what half precision can hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbsf.data.box_pairs import BoxDataSettings
from rbsf.engine.torch_box import load_box_net
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.nn import BinaryConv2d
from rbsf.train.box_settings import FILES

SMALLEST = 2.0**-14
"""The least magnitude of a stored latent weight, which is half precision's smallest normal number.
A smaller one could become 0, whose sign is +1 whatever it was."""


def save_latent(checkpoint: Path, output: Path, metrics: dict[str, float]) -> None:
    """Writes the network of a training checkpoint with its latent weights as float16.

    The header is kept, except for the folders of the machine that it was trained on.
    `BoxSettings.start` and `rbsf.engine.torch_box.load_box_net` read the file.

    Args:
        checkpoint: A training checkpoint, such as a run's `final.safetensors`.
        output: The file to write.
        metrics: What was measured of the network, for the header.

    Raises:
        InputError: The checkpoint cannot be loaded, as `load_box_net` has it, one of its values is
            not finite, or the output cannot be written.
    """
    model, stored = load_box_net(checkpoint), load_checkpoint(checkpoint)
    latent = {f"{name}.weight" for name, m in model.named_modules() if isinstance(m, BinaryConv2d)}
    tensors = {
        name: _halved(tensor) if name in latent else tensor
        for name, tensor in stored.part("model").items()
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise InputError(f"{checkpoint}: {name} holds a value that is not finite")
    header = {key: value for key, value in stored.header.items() if key != "format"}
    header |= {"config": _without_folders(header["config"]), "metrics": metrics}
    save_checkpoint(output, header, {"model": tensors})


def _without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """A run's settings with the default folders for data, and other files by name alone."""
    named = {key: Path(config[key]).name for key in FILES if config.get(key)}
    defaults = BoxDataSettings()
    folders = {"root": defaults.root, "cache": defaults.cache}
    return config | named | {"data": config.get("data", {}) | folders}


def _halved(weight: Tensor) -> Tensor:
    """A latent weight in float16. Every sign stays as it was, where 0 counts as +1."""
    weight = weight.float()
    sign = torch.where(weight >= 0, 1.0, -1.0)
    return (sign * weight.abs().clamp(min=SMALLEST)).half()
