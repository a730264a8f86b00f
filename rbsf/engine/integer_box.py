"""A packed network with a box head, run by torch and numpy where compiled kernels are missing."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rbsf.engine.box_answer import BoxAnswer, Floats, answer_of, checked_sizes, feature_bytes
from rbsf.engine.crops import checked_crops
from rbsf.engine.format import PackedNetwork
from rbsf.engine.integer import IntegerNetwork
from rbsf.engine.integer_head import Exemplar, IntegerHead
from rbsf.engine.origin import Reloadable


class IntegerBoxNetwork(Reloadable):
    """A `BoxNetwork` (see `rbsf.engine.box_answer`) with the packed engine's bits, but slow.

    Args:
        network: A packed network with a box head.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in memory.
    """

    engine = "torch"
    path = ""

    def __init__(self, network: PackedNetwork, name: str, weights_sha256: str = "") -> None:
        self.backbone, self.head = IntegerNetwork(network), IntegerHead(network)
        self.name, self.weights_sha256 = name, weights_sha256

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> Floats:
        """Embeds an exemplar crop, as `PackedBoxNetwork.exemplar_feature` does."""
        return self._feature(crop).astype(np.float32)

    def exemplar(self, feature: Floats) -> Exemplar:
        """Prepares what `exemplar_feature` gave, or a mean of such features, for `search`."""
        return self.head.exemplar(feature_bytes(feature))

    def search(
        self, exemplar: Exemplar, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        """Looks for the target in a search crop, as `PackedBoxNetwork.search` does."""
        sizes = np.array(checked_sizes(believed), np.float32)
        return answer_of(self.head.search(exemplar, self._feature(crop), sizes), believed)

    @torch.inference_mode()
    def _feature(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        pixels = torch.from_numpy(checked_crops(crop)).permute(0, 3, 1, 2)
        sums = self.backbone.last_sums(pixels)[0].permute(1, 2, 0)
        return self.head.feature_bytes(sums.numpy().astype(np.int32))
