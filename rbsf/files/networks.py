"""Loads networks from our checkpoints, from shipped files and from `siamfc_alexnet_e50.pth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module, save_checkpoint
from rbsf.files.shipped import freeze, grow, shrink
from rbsf.files.state_dict import read_state_dict
from rbsf.files.weights import SHIPPED_TEACHER
from rbsf.nn import SiamFC, make_student


def load_network(path: str | Path) -> SiamFC:
    """Loads a network in eval mode, its parameters frozen.

    Args:
        path: A training checkpoint, a shipped `.safetensors` file, or a state dict as
            siamfc-pytorch saves it (`.pth` or `.pt`).

    Raises:
        InputError: The file cannot be read, is damaged, or belongs to another architecture. The
            message names the file. Where the shipped teacher is asked for but not installed, it
            says where to get it.
    """
    file = Path(path)
    if file == SHIPPED_TEACHER and not file.exists():
        raise InputError(
            f"the teacher {file} is not there, because wheels leave it out: take it from "
            "rbsf/weights in a clone of the repository, or name a teacher of your own"
        )
    if file.suffix in {".pth", ".pt"}:
        return _load_reference(file)
    checkpoint = load_checkpoint(file)
    model, tensors = _model_of(checkpoint.header, file), checkpoint.part("model")
    if checkpoint.header.get("compact"):
        model = freeze(model)
        try:
            tensors = grow(tensors, model)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(f"{file} is of another architecture: {error}") from None
    restore_module(model, tensors, str(file))
    return model.eval().requires_grad_(False)


def save_compact(checkpoint: str | Path, output: str | Path) -> None:
    """Writes the network of a training checkpoint as a small file, the form in which we ship it.

    A student's binary kernels are stored as one bit for each weight, so its file shrinks from about
    9 MB to less than 0.5 MB and computes the same to the bit. A teacher's kernels are stored as
    float16, so its file is halved and computes nearly the same. Neither can be trained further.
    The header is kept. `load_network` reads both; for the packed engine's `.rbsf` file, see
    `rbsf.engine.pack`.

    Args:
        checkpoint: A training checkpoint, such as a run's `final.safetensors`.
        output: The file to write, named `.safetensors`.

    Raises:
        InputError: The checkpoint cannot be loaded, as `load_network` has it, or the output cannot
            be written.
    """
    header = {k: v for k, v in load_checkpoint(checkpoint).header.items() if k != "format"}
    tensors = shrink(load_network(checkpoint))
    save_checkpoint(Path(output), {**header, "compact": True}, {"model": tensors})


def _model_of(header: dict[str, Any], file: Path) -> SiamFC:
    """Makes an untrained network of the architecture that a header names."""
    config = header.get("config", {})
    if header.get("kind") == "teacher":
        return SiamFC()
    if header.get("kind") != "student" or not {"weights", "activations", "c_shape"} <= set(config):
        raise InputError(
            f"{file} is of another architecture: its header does not name one of our networks"
        )
    try:
        return make_student(config["weights"], config["activations"], config["c_shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} is of another architecture: {error}") from None


def _load_reference(file: Path) -> SiamFC:
    """Loads a bare state dict, as siamfc-pytorch saves it."""
    model = SiamFC()
    restore_module(model, read_state_dict(file), str(file))
    return model.eval().requires_grad_(False)
