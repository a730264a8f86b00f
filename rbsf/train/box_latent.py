"""A box network's weights as a later training starts from them: small, and exact in their bits.

Latent weights decide by their sign alone, and how near they are to turning is known well enough in
half precision. All else (first layer, norms, head) is as it was: norms of pixels exceed what half
precision can hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbsf.checkpoint import load_checkpoint, save_checkpoint
from rbsf.data.box_pairs import BoxDataSettings
from rbsf.errors import InputError
from rbsf.nn import BinaryConv2d
from rbsf.torch_box_network import load_box_net

SMALLEST = 2.0**-14
"""The least magnitude of a latent weight that is kept: half precision's smallest normal number.
Less could become a zero, whose sign is +1 whatever it was."""


def save_latent(checkpoint: Path, output: Path, metrics: dict[str, float]) -> None:
    """Writes a training checkpoint's network with latent weights as float16.

    The header is kept, but for the folders of the machine that it was trained on.

    Args:
        checkpoint: of `tools/train_box.py`.
        output: the file to write.
        metrics: what was measured of the network, for the header.

    Raises:
        InputError: as `load_box_net`, or a weight is not finite.
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
    named = {key: Path(config[key]).name for key in ("start", "feature_teacher") if config.get(key)}
    defaults = BoxDataSettings()
    folders = {"root": defaults.root, "cache": defaults.cache}
    return config | named | {"data": config.get("data", {}) | folders}


def _halved(weight: Tensor) -> Tensor:
    """A latent weight as float16, every sign (zero counts as +1) as it was."""
    weight = weight.float()
    sign = torch.where(weight >= 0, 1.0, -1.0)
    return (sign * weight.abs().clamp(min=SMALLEST)).half()
