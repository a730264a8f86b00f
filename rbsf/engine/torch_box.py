"""A network with a box head in torch: it takes crops and answers with numbers."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbsf.binarize import ActivationBinarizerName
from rbsf.engine.box_answer import BoxAnswer as BoxAnswer
from rbsf.engine.box_answer import Floats
from rbsf.engine.crops import checked_crops
from rbsf.engine.origin import Reloadable
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module
from rbsf.files.hashing import file_sha256
from rbsf.nn import LAYERS, SLIM_LAYERS, WIDE_LAYERS, BinaryAlexNetV1
from rbsf.nn.box_head import BoxNet

BACKBONES = {"slim": SLIM_LAYERS, "wide": WIDE_LAYERS, "alexnet": LAYERS}
"""The layers of the backbones that a box head may stand on, by their names in the settings."""


def load_box_net(path: str | Path) -> BoxNet:
    """Loads a network with a box head from a checkpoint of `tools/train_box.py`, in eval mode.

    Args:
        path: The checkpoint, or a file that `rbsf.train.box_latent.save_latent` wrote.

    Raises:
        InputError: The file cannot be read, is damaged or holds another architecture. The message
            names it.
    """
    checkpoint = load_checkpoint(path)
    config = checkpoint.header.get("config", {})
    layers = BACKBONES.get(config.get("backbone"))
    activations = config.get("activations", "approx")  # older checkpoints had no other
    kind = checkpoint.header.get("kind")
    known = activations in get_args(ActivationBinarizerName)
    if kind != "box" or layers is None or not known:
        raise InputError(f"{path} is of another architecture: it holds no network with a box head")
    model = BoxNet(BinaryAlexNetV1(activations=activations, layers=layers))
    tensors = {name: float_copy(tensor) for name, tensor in checkpoint.part("model").items()}
    restore_module(model, tensors, str(path))
    return model.eval().requires_grad_(False)


def float_copy(tensor: Tensor) -> Tensor:
    """A tensor in float32 if it has another floating type, else the same tensor."""
    return tensor.float() if tensor.is_floating_point() else tensor


class TorchBoxNetwork(Reloadable):
    """A `BoxNet` that takes crops and gives `BoxAnswer`s.

    Args:
        model: The network. It is put in eval mode.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in training.
    """

    engine = "torch"
    path = ""

    def __init__(self, model: BoxNet, name: str = "network", weights_sha256: str = "") -> None:
        self.model, self.name, self.weights_sha256 = model.eval(), name, weights_sha256

    @classmethod
    def from_file(cls, path: Path, threads: int | None = None) -> TorchBoxNetwork:
        """Loads a network from a file.

        Args:
            path: The file, as `load_box_net` takes it.
            threads: How many threads torch uses in the whole process. None leaves that as it is.

        Raises:
            InputError: As `load_box_net`.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        return cls(load_box_net(path), path.stem, file_sha256(path))

    @torch.inference_mode()
    def exemplar_feature(self, crop: NDArray[np.uint8]) -> Floats:
        """Embeds an exemplar crop, RGB uint8 1 x 127 x 127 x 3, as a feature, 6 x 6 x C."""
        return self.model.embed(_pixels(crop))[0].permute(1, 2, 0).numpy()

    def exemplar(self, feature: Floats) -> Tensor:
        """Prepares what `exemplar_feature` gave, or a mean of such features, for `search`."""
        return torch.from_numpy(feature).permute(2, 0, 1)[None]

    @torch.inference_mode()
    def search(
        self, exemplar: Tensor, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        """Looks for the target in a search crop.

        Args:
            exemplar: The feature that `exemplar` gave.
            crop: The search crop, RGB uint8 1 x 255 x 255 x 3, cut for the believed size.
            believed: The width and height that are expected, in pixels of the crop.
        """
        feature = self.model.embed(_pixels(crop))
        response = self.model.respond(exemplar, feature)
        maps = self.model.head(exemplar, feature, response, torch.tensor([believed]))
        return BoxAnswer(*(m[0].numpy() for m in (response, *maps)))


def _pixels(crop: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(checked_crops(crop)).permute(0, 3, 1, 2).float().contiguous()
