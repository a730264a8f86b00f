"""Reads bare state dicts, as other projects save their networks with torch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from rbsf.errors import InputError


def read_state_dict(file: Path) -> dict[str, Tensor]:
    """Reads the tensors of a `.pth` or `.pt` file by name, without running code from it.

    Raises:
        InputError: The file cannot be read, is damaged, or holds something else. The message names
            the file.
    """
    try:
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except Exception:  # a damaged or foreign pickle can raise anything
        raise InputError(
            f"{file} is not a state dict: it is damaged, or holds more than tensors; save a "
            "network with torch.save(network.state_dict(), FILE)"
        ) from None
    if not isinstance(state, dict):
        raise InputError(f"{file} is not a state dict but a {type(state).__name__}")
    if not all(isinstance(name, str) for name in state):
        raise InputError(f"{file} is not a state dict: not all of its names are texts")
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"{file} is not a state dict: not all of its values are tensors")
    return state
