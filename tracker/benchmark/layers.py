"""Measures the packed engine layer by layer: the time that each layer takes, and its work."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.format import PackedNetwork
from rbsf.engine.packed import open_network

from .machine import peak_product


def measure_layers(
    network: PackedNetwork, crops: NDArray[np.uint8], threads: int, rounds: int
) -> dict[str, Any]:
    """Measures each layer's milliseconds and GMAC/s, and compares the latter with the fp32 peak.

    The fp32 peak is the rate of a matrix product on the same number of threads. It takes turns
    with the network.

    Args:
        network: The network to run.
        crops: RGB uint8 crops (N, S, S, 3).
        threads: The number of threads.
        rounds: The number of turns.

    Returns:
        `path` (the kernels), `fp32_peak_gmac_per_s`, and `rows`: one for each layer.

    Raises:
        InputError: The compiled kernels are missing, or RBSF_KERNELS names none of them.
    """
    engine = open_network(network, threads)
    product, product_gmac = peak_product()
    taken: list[list[float]] = []
    products: list[float] = []
    for _ in range(rounds + 1):
        engine.embed(crops)
        taken.append(engine.profile(crops))
        product()
        started = time.perf_counter()
        product()
        products.append(time.perf_counter() - started)
    peak = product_gmac / min(products)
    seconds = [statistics.median(times) for times in zip(*taken[1:], strict=True)]
    rows = []
    for number, (gmac, each) in enumerate(zip(macs(network, crops.shape), seconds, strict=True), 1):
        layer = network.layers[number - 1]
        rows.append(
            {
                "name": f"conv{number}",
                "kind": layer.kind,
                "ms_median": each * 1e3,
                "gmac": gmac,
                "gmac_per_s": gmac / each,
                "times_fp32_peak": gmac / each / peak,
            }
        )
    return {"path": engine.path, "fp32_peak_gmac_per_s": peak, "rows": rows}


def macs(network: PackedNetwork, shape: tuple[int, ...]) -> list[float]:
    """Counts the multiplications of each layer in billions, for crops of shape (N, S, S, 3)."""
    count, size = shape[0], shape[1]
    work = []
    for layer in network.layers:
        size = (size - layer.kernel) // layer.stride + 1
        work.append(count * size**2 * layer.outputs * layer.terms / 1e9)
        size = (size - 3) // 2 + 1 if layer.pool else size
    return work
