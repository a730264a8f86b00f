"""Networks from files: our checkpoints and shipped weights, and `siamfc_alexnet_e50.pth`."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbsf.checkpoint import load_checkpoint, restore_module, save_checkpoint
from rbsf.compact import freeze, grow, shrink
from rbsf.errors import InputError
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
    header, tensors = checkpoint.header, checkpoint.part("model")
    model = SiamFC() if header["kind"] == "teacher" else _student_of(header["config"])
    if header.get("compact"):
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


def _student_of(config: dict[str, Any]) -> SiamFC:
    return make_student(config["weights"], config["activations"], config["c_shape"])


def _load_reference(file: Path) -> SiamFC:
    """A bare state dict as siamfc-pytorch saves it; no code in it is run."""
    try:
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(f"{file} is no state dict: {str(error).splitlines()[0]}") from None
    if not isinstance(state, dict):
        raise InputError(f"{file} is no state dict but a {type(state).__name__}")
    model = SiamFC()
    restore_module(model, state, str(file))
    return model.eval().requires_grad_(False)
