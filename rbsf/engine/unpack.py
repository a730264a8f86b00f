"""Writes the numbers of a packed network as plain arrays, for C, FPGAs and other uses."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rbsf.engine.format import PackedNetwork
from rbsf.files.atomic import replacing


def save_npz(path: str | Path, network: PackedNetwork) -> None:
    """Writes a network's numbers as an npz file. `rbsf.engine.format` says how a layer uses them.

    The arrays of layer N, counted from 1, are named `convN_...`:

    - `weights`, int8, (outputs, inputs / groups, kernel, kernel), which are +1 and -1 where N > 1;
    - `stride`, `groups` and `pool`;
    - `thresholds`, int32, and `flips`, bool, or in the last layer `scale` and `bias`, float32, each
      of shape (outputs,). Where the layer gives levels, the shape of `thresholds` is (3, outputs).

    The numbers of a box head are named after the parts of `rbsf.engine.packed_head.PackedHead`,
    such as `head_to_grid_scale` or `head_place_layers_2_weights`, where layers count from 0.

    There are also `response_gain`, `response_bias`, and `metadata` as a JSON text.

    Args:
        path: The file to write.
        network: The network.

    Raises:
        InputError: The file cannot be written.
    """
    arrays = {
        "response_gain": np.float32(network.response_gain),
        "response_bias": np.float32(network.response_bias),
        "metadata": np.array(json.dumps(network.metadata, sort_keys=True)),
    }
    keys = ("weights", "stride", "groups", "pool", "thresholds", "flips", "scale", "bias")
    for number, layer in enumerate(network.layers, 1):
        values = {key: getattr(layer, key) for key in keys}
        arrays |= {f"conv{number}_{key}": v for key, v in values.items() if v is not None}
    arrays |= _named("head", network.head)
    with replacing(Path(path)) as partial, open(partial, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def _named(name: str, part: Any) -> dict[str, Any]:
    """The arrays and numbers of a part of a head, which may have parts itself."""
    if part is None:
        return {}
    if is_dataclass(part):
        parts = {field.name: getattr(part, field.name) for field in fields(part)}
    elif isinstance(part, tuple):
        parts = {str(number): one for number, one in enumerate(part)}
    else:
        return {name: part}
    return {k: v for key, one in parts.items() for k, v in _named(f"{name}_{key}", one).items()}
