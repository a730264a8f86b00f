"""Networks from files: our checkpoints and shipped weights, and `siamfc_alexnet_e50.pth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module, save_checkpoint
from rbsf.files.shipped import freeze, grow, shrink
from rbsf.nn import SiamFC, make_student


def load_network(path: str | Path) -> SiamFC:
    """A network in eval mode from a checkpoint, a shipped file, or siamfc-pytorch's state dict.

    Raises:
        InputError: unreadable, damaged, or of another architecture; the message names the file.
    """
    file = Path(path)
    if file.suffix in {".pth", ".pt"}:
        return _load_reference(file)
    checkpoint = load_checkpoint(file)
    model, tensors = _model_of(checkpoint.header, file), checkpoint.part("model")
    if checkpoint.header.get("compact"):
        model = freeze(model)
        try:
            tensors = grow(tensors, model)
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f"{file} is of another architecture: {error}") from None
    restore_module(model, tensors, str(file))
    return model.eval().requires_grad_(False)


def save_compact(checkpoint: str | Path, output: str | Path) -> None:
    """Writes a training checkpoint's network as a shipped file, header kept.

    Raises:
        InputError: as `load_network`.
    """
    header = {k: v for k, v in load_checkpoint(checkpoint).header.items() if k != "format"}
    tensors = shrink(load_network(checkpoint))
    save_checkpoint(Path(output), {**header, "compact": True}, {"model": tensors})


def _model_of(header: dict[str, Any], file: Path) -> SiamFC:
    """An untrained network of the architecture that a header names."""
    config = header.get("config", {})
    if header.get("kind") == "teacher":
        return SiamFC()
    if header.get("kind") != "student" or not {"weights", "activations", "c_shape"} <= set(config):
        raise InputError(f"{file} is of another architecture: its header names no network of ours")
    return make_student(config["weights"], config["activations"], config["c_shape"])


def _load_reference(file: Path) -> SiamFC:
    """A bare state dict as siamfc-pytorch saves it; no code in it is run."""
    try:
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except Exception as error:  # a damaged or foreign pickle fails in any way
        reason = next(iter(str(error).splitlines()), "it ends too early")
        raise InputError(f"{file} is no state dict: {reason}") from None
    if not isinstance(state, dict):
        raise InputError(f"{file} is no state dict but a {type(state).__name__}")
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"{file} is no state dict: it holds other things than tensors")
    model = SiamFC()
    restore_module(model, state, str(file))
    return model.eval().requires_grad_(False)
