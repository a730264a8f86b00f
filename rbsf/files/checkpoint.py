"""Checkpoints: safetensors files with a JSON header. Reading one never executes code from it.

The file's metadata has two entries. `rbsf` is the header, with the format, kind, config, seed, step
and metrics; `crc32` is a checksum of the header and all tensors. The network's tensors are named
`model/...`. The `last.safetensors` of a run also has `optimiser/...` and the like, which is all
that the run needs to resume bit for bit.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rbsf.errors import InputError
from rbsf.files.atomic import write_bytes

FORMAT = 1
NUMBERS = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)
"""The types of the tensors that a network can be loaded from."""


class Checkpoint(NamedTuple):
    """The content of a checkpoint."""

    header: dict[str, Any]
    """The header as plain values."""
    tensors: dict[str, Tensor]
    """The tensors by their full names, on the CPU."""

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `name/`, by the rest of their names."""
        prefix = f"{name}/"
        return {k.removeprefix(prefix): t for k, t in self.tensors.items() if k.startswith(prefix)}


def save_checkpoint(
    path: Path, header: dict[str, Any], parts: dict[str, dict[str, Tensor]]
) -> None:
    """Writes a checkpoint. If the process is killed, the old or the new file is there, whole.

    Args:
        path: The file.
        header: Values that JSON can hold.
        parts: The tensors of each part by name, for example {"model": model.state_dict()}.

    Raises:
        InputError: The file cannot be written.
    """
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for part, named in parts.items()
        for name, tensor in named.items()
    }
    text = json.dumps({"format": FORMAT, **header}, sort_keys=True)
    data = save(tensors, {"rbsf": text, "crc32": _checksum(text, tensors)})
    write_bytes(path, _with_sorted_header(data))


def _with_sorted_header(data: bytes) -> bytes:
    """Sorts the header of a safetensors file, so that equal checkpoints are equal files.

    safetensors writes the entries of the metadata in an order that differs from call to call.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return data[:8] + text.encode().ljust(end - 8) + data[end:]


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        InputError: The file does not exist, is damaged or truncated, is not one of ours, or has a
            newer format. The message names the file.
    """
    file = Path(path)
    try:
        with safe_open(file, "pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        text = metadata.get("rbsf", "null")
        header = json.loads(text)
        json.dumps(header, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except OSError as error:
        reason = error.strerror or "no such file"
        raise InputError(f"cannot read checkpoint {file}: {reason}") from None
    except (SafetensorError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged or not a safetensors file: {error}") from None
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise InputError(f"{file} is not an RB-SF checkpoint: it lacks our header")
    if not isinstance(header.get("config", {}), dict):
        raise InputError(f"{file} is damaged: the config in its header is not a mapping")
    if header["format"] > FORMAT:
        raise InputError(
            f"{file} has format {header['format']}, but this version of rbsf reads only up to "
            f"{FORMAT}: update rbsf"
        )
    if "crc32" in metadata and metadata["crc32"] != _checksum(text, tensors):
        raise InputError(
            f"{file} is damaged: its checksum does not match; download or make it again"
        )
    return Checkpoint(header, tensors)


def _checksum(text: str, tensors: dict[str, Tensor]) -> str:
    """The CRC-32 of a header and of every tensor's name, type, shape and values."""
    crc = zlib.crc32(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        crc = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), crc)
        crc = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy(), crc)  # type: ignore[arg-type]
    return f"{crc:08x}"


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as tensors, named `<number of the parameter>/<name>`."""
    return {
        f"{number}/{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restores what `optimiser_tensors` gave. Parameter groups and rates stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, key = name.partition("/")
        state.setdefault(int(number), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def restore_module(module: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Loads a module's state.

    Args:
        module: The module.
        tensors: Its state by name.
        source: Where the tensors come from; error messages begin with it.

    Raises:
        InputError: The tensors belong to another architecture, or one of them is not plain or not
            finite. The message names the first tensor that does not fit.
    """
    own = module.state_dict()
    for name in sorted(own.keys() ^ tensors.keys(), key=str):
        which = "lacks the tensor" if name in own else "has an unknown tensor"
        raise InputError(f"{source} is of another architecture: it {which} {name}")
    for name, tensor in tensors.items():
        if own[name].shape != tensor.shape:
            raise InputError(
                f"{source} is of another architecture: {name} has the shape "
                f"{tuple(tensor.shape)}, not {tuple(own[name].shape)}"
            )
        if not _is_plain(tensor):
            raise InputError(f"{source} is of another architecture: {name} is no plain tensor")
        if not tensor.isfinite().all():
            raise InputError(f"{source} is damaged: {name} holds a value that is not finite")
    module.load_state_dict(tensors)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor's values lie in memory as real numbers. Others cannot be copied from."""
    in_memory = tensor.layout == torch.strided and tensor.device.type != "meta"
    return in_memory and not tensor.is_quantized and tensor.dtype in NUMBERS
