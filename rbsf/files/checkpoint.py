"""Checkpoints: safetensors with a JSON header, written to a temporary name and renamed.

Nothing in a checkpoint is executed when it is read. The header (`__metadata__["rbsf"]`) holds
format, kind, config, seed, step and metrics; `__metadata__["crc32"]` is a checksum of everything.
Tensors are named `model/...`, and in a run's `last.safetensors` also `optimiser/...` and the like,
all that a run needs to go on bit for bit.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rbsf.errors import InputError
from rbsf.files.atomic import replacing

FORMAT = 1


class Checkpoint(NamedTuple):
    """A checkpoint read back: its header and its tensors by full name, on the CPU."""

    header: dict[str, Any]
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors below `name/`, by their names within it."""
        prefix = f"{name}/"
        return {k.removeprefix(prefix): t for k, t in self.tensors.items() if k.startswith(prefix)}


def save_checkpoint(
    path: Path, header: dict[str, Any], parts: dict[str, dict[str, Tensor]]
) -> None:
    """Writes a checkpoint; a kill at any moment leaves the old file or the new one, whole."""
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for part, named in parts.items()
        for name, tensor in named.items()
    }
    text = json.dumps({"format": FORMAT, **header}, sort_keys=True)
    with replacing(path) as partial:
        save_file(tensors, partial, {"rbsf": text, "crc32": _checksum(text, tensors)})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        InputError: no such file, damaged or truncated, not ours, or of a newer format.
    """
    file = Path(path)
    try:
        with safe_open(file, "pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        text = metadata.get("rbsf", "null")
        header = json.loads(text)
    except OSError as error:
        reason = error.strerror or "no such file"
        raise InputError(f"cannot read checkpoint {file}: {reason}") from None
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{file} is damaged or no safetensors file: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise InputError(f"{file} is no RB-SF checkpoint: it has no header of ours")
    if header["format"] > FORMAT:
        raise InputError(
            f"{file} has format {header['format']}, this version reads up to {FORMAT}: update rbsf"
        )
    if "crc32" in metadata and metadata["crc32"] != _checksum(text, tensors):
        raise InputError(f"{file} is damaged: its checksum does not fit; fetch or make it again")
    return Checkpoint(header, tensors)


def _checksum(text: str, tensors: dict[str, Tensor]) -> str:
    """CRC-32 of a header and of every tensor's name, type, shape and values."""
    crc = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy(), crc)  # type: ignore[arg-type]
    return f"{crc:08x}"


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as named tensors, `<parameter number>/<name>`."""
    return {
        f"{number}/{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`; groups and rates stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, key = name.partition("/")
        state.setdefault(int(number), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def restore_module(module: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Loads a module's state.

    Raises:
        InputError: the tensors are of another architecture; the message names the first misfit.
    """
    own = module.state_dict()
    for name in sorted(own.keys() ^ tensors.keys()):
        which = "lacks" if name in own else "has an unknown"
        raise InputError(f"{source} is of another architecture: it {which} tensor {name}")
    for name, tensor in tensors.items():
        if own[name].shape != tensor.shape:
            raise InputError(
                f"{source} is of another architecture: {name} is {tuple(tensor.shape)}, "
                f"not {tuple(own[name].shape)}"
            )
    module.load_state_dict(tensors)
