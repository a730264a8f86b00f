"""Packed networks on the compiled kernels, and the check that one can track."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.cores import usable_cores
from rbsf.engine.classifier_format import PackedClassifier, classifier_bytes
from rbsf.engine.crops import checked_crops
from rbsf.engine.format import PackedNetwork, to_bytes
from rbsf.engine.origin import Reloadable
from rbsf.errors import InputError

try:
    from rbsf.engine import _kernels
except ImportError:
    _kernels = None  # type: ignore[assignment]  # installed without a compiler

KERNELS_VARIABLE = "RBSF_KERNELS"
"""An environment variable that names the kernel path to use instead of the fastest one."""

FEATURES = {127: (256, 6, 6), 255: (256, 22, 22)}
"""The shape of SiamFC's feature for exemplar and search crops (AlexNetV1, 8 pixels per cell)."""

MOST_THREADS = 8
"""More threads than this do not make three crops faster."""


def kernel_paths() -> list[str]:
    """The kernel paths that this machine can run, fastest first; none without the extension."""
    return _kernels.paths() if _kernels else []


def require_kernels() -> ModuleType:
    """The compiled extension.

    Raises:
        InputError: It is missing.
    """
    if _kernels is None:
        from rbsf.engine.installation import missing_kernels

        raise InputError(f"engine packed: {missing_kernels()}, or choose engine auto")
    return _kernels


def open_network(network: PackedNetwork, threads: int | None) -> Any:
    """Opens a network on the compiled kernels; `rbsf/engine/_kernels.pyi` says what it can do.

    Args:
        network: The network.
        threads: How many threads run the network. None uses one for each core this process may
            use, but not more than `MOST_THREADS`.

    Raises:
        InputError: The compiled kernels are missing, or RBSF_KERNELS names none of them.
    """
    kernels = require_kernels()
    return kernels.Network(to_bytes(network), _chosen_path(), threads or _usual_threads())


def open_classifier(network: PackedClassifier, threads: int | None) -> Any:
    """Opens a classifier on the compiled kernels; `rbsf/engine/_kernels.pyi` says what it can do.

    Its arguments and errors are those of `open_network`.
    """
    kernels = require_kernels()
    return kernels.Classifier(
        classifier_bytes(network), _chosen_path(), threads or _usual_threads()
    )


def _usual_threads() -> int:
    return min(usable_cores(), MOST_THREADS)


class PackedEmbedder(Reloadable):
    """A PackedNetwork on compiled kernels as an Embedder (see `rbsf.embedder.Embedder`).

    Every kernel path and every number of threads gives the same bits.

    Args:
        network: The network to run.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in memory.
        threads: How many threads run the network. None uses one for each core this process may
            use, but not more than `MOST_THREADS`.

    Raises:
        InputError: The compiled kernels are missing, or RBSF_KERNELS names none of them.
    """

    engine = "packed"

    def __init__(
        self,
        network: PackedNetwork,
        name: str = "network",
        weights_sha256: str = "",
        threads: int | None = None,
    ) -> None:
        self.network = open_network(network, threads)
        self.path: str = self.network.path
        self.name, self.weights_sha256 = name, weights_sha256
        self.response_gain = network.response_gain
        self.response_bias = network.response_bias

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self.network.embed(checked_crops(crops))
        return features


def check_architecture(network: PackedNetwork, name: str) -> None:
    """Checks that a network's features have the shapes of SiamFC's.

    What lies between crop and feature does not matter.

    Args:
        network: The network to check.
        name: The network's name, with which the message starts.

    Raises:
        InputError: The features have other shapes.
    """
    for size, expected in FEATURES.items():
        found = feature_shape(network, size)
        if found != expected:
            raise InputError(
                f"{name} is of another architecture: "
                f"its feature of a {size}x{size} crop is {found}, not {expected}"
            )


def feature_shape(network: PackedNetwork, size: int) -> tuple[int, int, int]:
    """The (channels, height, width) of the feature of a size x size crop."""
    for layer in network.layers:
        size = (size - layer.kernel) // layer.stride + 1
        size = (size - 3) // 2 + 1 if layer.pool else size
    return network.layers[-1].outputs, size, size


def _chosen_path() -> str:
    """The kernel path that the environment asks for; empty for the fastest."""
    path = os.environ.get(KERNELS_VARIABLE, "")
    if path and path not in kernel_paths():
        usable = ", ".join(kernel_paths())
        raise InputError(f"{KERNELS_VARIABLE}={path}: this machine runs only {usable}")
    return path
