"""A packed network on the compiled kernels, and what a packed network must be to track."""

from __future__ import annotations

import os
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.format import PackedNetwork, to_bytes
from rbsf.errors import InputError

try:
    from rbsf.engine import _kernels
except ImportError:
    _kernels = None  # type: ignore[assignment]  # installed without a compiler

KERNELS_VARIABLE = "RBSF_KERNELS"
"""An environment variable; names the kernel path to use instead of the fastest."""

FEATURES = {127: (256, 6, 6), 255: (256, 22, 22)}
"""Shape of SiamFC's feature (AlexNetV1, 8 pixels a cell) for exemplar and search crops."""

MOST_THREADS = 8
"""As many as share the rows of three crops with gain."""

NEEDS_COMPILER = (
    "the compiled kernels are missing (rbsf.engine._kernels): "
    "install a C++ compiler (g++ or clang) and then run pip install again"
)


def kernel_paths() -> list[str]:
    """The kernel paths that this machine can run, fastest first; none without the extension."""
    return _kernels.paths() if _kernels else []


def require_kernels() -> ModuleType:
    """The extension.

    Raises:
        InputError: it is not here.
    """
    if _kernels is None:
        raise InputError(f"engine packed: {NEEDS_COMPILER}, or use --engine auto")
    return _kernels


class PackedEmbedder:
    """A PackedNetwork on compiled kernels as an Embedder (see `rbsf.embedder.Embedder`).

    Every kernel path gives the same bits, and so does every number of threads.

    Args:
        network: what to run.
        name: shown in reports.
        weights_sha256: of the file it came from; empty for a network in memory.
        threads: None: one a usable core, at most `MOST_THREADS`.

    Raises:
        InputError: no compiled kernels here, or RBSF_KERNELS names none of them.
    """

    engine = "packed"

    def __init__(
        self,
        network: PackedNetwork,
        name: str = "network",
        weights_sha256: str = "",
        threads: int | None = None,
    ) -> None:
        kernels = require_kernels()
        threads = threads or min(_usable_cores(), MOST_THREADS)
        self.network = kernels.Network(to_bytes(network), _chosen_path(), threads)
        self.path: str = self.network.path
        self.name, self.weights_sha256 = name, weights_sha256
        self.response_gain = network.response_gain
        self.response_bias = network.response_bias

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self.network.embed(np.ascontiguousarray(crops))
        return features


def check_architecture(network: PackedNetwork, name: str) -> None:
    """That a network's features are SiamFC's, whatever lies between crop and feature.

    Raises:
        InputError: they are not; the message starts with `name`.
    """
    for size, expected in FEATURES.items():
        found = feature_shape(network, size)
        if found != expected:
            raise InputError(
                f"{name} is of another architecture: "
                f"its feature of a {size}x{size} crop is {found}, not {expected}"
            )


def feature_shape(network: PackedNetwork, size: int) -> tuple[int, int, int]:
    """Channels, height and width of the feature of a size x size crop."""
    for layer in network.layers:
        size = (size - layer.kernel) // layer.stride + 1
        size = (size - 3) // 2 + 1 if layer.pool else size
    return network.layers[-1].outputs, size, size


def _chosen_path() -> str:
    """The kernel path that the environment asks for; empty for the best."""
    path = os.environ.get(KERNELS_VARIABLE, "")
    if path and path not in kernel_paths():
        there = ", ".join(kernel_paths())
        raise InputError(
            f"{KERNELS_VARIABLE}={path}: this machine has no such kernels, but {there}"
        )
    return path


def _usable_cores() -> int:
    """The cores that this process may run on, where the system tells."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
