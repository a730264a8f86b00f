"""An Embedder that runs a torch network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rbsf.engine.crops import checked_crops
from rbsf.engine.origin import Reloadable
from rbsf.files.hashing import file_sha256
from rbsf.files.networks import load_network
from rbsf.files.shipped import freeze
from rbsf.nn import SiamFC


class TorchEmbedder(Reloadable):
    """A SiamFC as an Embedder (see `rbsf.embedder.Embedder`).

    Args:
        model: The network. It is put in eval mode and stays on its device, CPU or GPU.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in training.
    """

    engine = "torch"
    path = ""

    def __init__(self, model: SiamFC, name: str = "network", weights_sha256: str = "") -> None:
        self.model = model.eval()
        self.name, self.weights_sha256 = name, weights_sha256
        self.response_gain = float(model.gain)
        self.response_bias = float(model.bias)

    @classmethod
    def from_file(cls, file: Path, threads: int | None = None) -> TorchEmbedder:
        """Loads a network from a file.

        Args:
            file: A checkpoint, a shipped file or `siamfc_alexnet_e50.pth`.
            threads: How many threads torch uses in the whole process. None leaves that as it is.

        Raises:
            InputError: As `rbsf.files.networks.load_network`.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        model = freeze(load_network(file)).to(memory_format=torch.channels_last)
        return cls(model, file.stem, file_sha256(file))

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        device = next(self.model.buffers()).device
        pixels = torch.from_numpy(checked_crops(crops)).permute(0, 3, 1, 2).to(device)
        features = self.model.embed(pixels.float().contiguous(memory_format=torch.channels_last))
        result: NDArray[np.float32] = features.float().cpu().numpy()
        return result
