"""A packed network's numbers as plain arrays, for C, FPGAs and whatever else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from rbsf.engine.format import PackedNetwork
from rbsf.files.atomic import replacing


def save_npz(path: str | Path, network: PackedNetwork) -> None:
    """Writes an npz; `rbsf.engine.format` tells how the numbers are to be used.

    For each layer, `convN_` with: `weights` int8 (outputs, inputs / groups, kernel, kernel), +-1
    where N > 1; `stride`, `groups`, `pool`; and either `thresholds` int32 and `flips` bool, or
    `scale` and `bias` float32, each (outputs,). Besides `response_gain`, `response_bias`, and
    `metadata` as JSON text.

    Raises:
        InputError: the file cannot be written.
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
    with replacing(Path(path)) as partial, open(partial, "wb") as stream:
        np.savez_compressed(stream, **arrays)
