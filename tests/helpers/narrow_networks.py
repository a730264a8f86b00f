"""Packed networks with SiamFC's shapes and few channels: small files that can track."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rbsf.engine.format import STEPS, PackedLayer, PackedNetwork
from rbsf.engine.fuzz import random_head

CHANNELS = (3, 4, 8, 8, 8, 256)
KERNELS = (11, 5, 3, 3, 3)


def narrow_network(version: int, seed: int = 0) -> PackedNetwork:
    """A random network whose file has this version: 1 is on bits, 2 on levels, 3 has a head."""
    rng = np.random.default_rng(seed)
    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(CHANNELS)):
        kernel, first, last = KERNELS[index], index == 0, index == len(KERNELS) - 1
        shape = (outputs, inputs, kernel, kernel)
        weights = rng.integers(-127, 128, shape) if first else rng.integers(0, 2, shape) * 2 - 1
        most = kernel**2 * inputs * (1000 if first else 1) // 4
        steps = (STEPS, outputs) if version == 2 else (outputs,)
        thresholds = np.sort(rng.integers(-most, most + 1, steps), axis=0).astype(np.int32)
        reals = rng.uniform(0.1, 1, (2, outputs)).astype(np.float32)
        layers.append(
            PackedLayer(
                "pixels" if first else "binary",
                inputs,
                outputs,
                kernel,
                2 if first else 1,
                1,
                index < 2,
                weights.astype(np.int8),
                None if last else thresholds,
                None if last else rng.integers(0, 2, outputs).astype(bool),
                reals[0] if last else None,
                reals[1] if last else None,
            )
        )
    head = random_head(rng, CHANNELS[-1], 4) if version == 3 else None
    return PackedNetwork(tuple(layers), 0.001, 0.0, {"name": f"narrow {version}"}, head)
