"""A packed network with a box head on the compiled kernels: it takes crops, and gives answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.box_answer import BoxAnswer, Floats, answer_of, checked_sizes, feature_bytes
from rbsf.engine.crops import checked_crops
from rbsf.engine.format import PackedNetwork
from rbsf.engine.origin import Reloadable
from rbsf.engine.packed import open_network
from rbsf.errors import InputError


class PackedBoxNetwork(Reloadable):
    """A `BoxNetwork` (see `rbsf.engine.box_answer`) that runs in bits and bytes.

    Every kernel path and every number of threads gives the same numbers.

    Args:
        network: A packed network with a box head.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in memory.
        threads: How many threads run the network. None uses one for each core this process may
            use, but not more than `rbsf.engine.packed.MOST_THREADS`.

    Raises:
        InputError: The network has no head, or the compiled kernels are missing, or RBSF_KERNELS
            names none of them.
    """

    engine = "packed"

    def __init__(
        self,
        network: PackedNetwork,
        name: str = "network",
        weights_sha256: str = "",
        threads: int | None = None,
    ) -> None:
        if network.head is None:
            raise InputError(f"{name} has no box head: it is packed from a network without one")
        self.network = open_network(network, threads)
        self.path: str = self.network.path
        self.name, self.weights_sha256 = name, weights_sha256

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> Floats:
        """Embeds an exemplar crop, RGB uint8 1 x 127 x 127 x 3, as bytes, 6 x 6 x C, in float32."""
        return self.network.exemplar_feature(checked_crops(crop)).astype(np.float32)

    def exemplar(self, feature: Floats) -> Any:
        """Prepares what `exemplar_feature` gave, or a mean of such features, for `search`."""
        return self.network.exemplar(feature_bytes(feature))

    def search(
        self, exemplar: Any, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        """Looks for the target in a search crop.

        Args:
            exemplar: What `exemplar` of this network gave.
            crop: The search crop, RGB uint8 1 x 255 x 255 x 3, cut for the believed size.
            believed: The width and height that are expected, in pixels of the crop.

        Raises:
            InputError: The believed size is not positive and finite.
        """
        width, height = checked_sizes(believed)
        maps = self.network.search(exemplar, checked_crops(crop), width, height)
        return answer_of(maps, believed)
