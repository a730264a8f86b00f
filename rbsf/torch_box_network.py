"""A BoxNet in torch, asked with pixels and answering with numbers: what a box tracker runs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rbsf.checkpoint import load_checkpoint, restore_module
from rbsf.embedder import file_sha256
from rbsf.errors import InputError
from rbsf.nn import LAYERS, SLIM_LAYERS, BinaryAlexNetV1
from rbsf.nn.box_head import BoxNet

BACKBONES = {"slim": SLIM_LAYERS, "alexnet": LAYERS}
"""Layers of the backbones that a box head may stand on, by the name in its settings."""

Floats = NDArray[np.float32]


class BoxAnswer(NamedTuple):
    """What the network says of one search crop, at the cells of an r x r grid, r = 17."""

    response: Floats
    """The plain correlation, r x r, logits."""
    target: Floats
    """The head's belief that the target's middle is here, r x r, logits."""
    quality: Floats
    """The IoU that the box told here is expected to have, r x r, logits."""
    boxes: Floats
    """4 x r x r: centre x and y from the crop's middle, width, height, pixels of the crop."""


def load_box_net(path: str | Path) -> BoxNet:
    """A network with a box head, in eval mode, from a checkpoint of `tools/train_box.py`.

    Raises:
        InputError: unreadable, damaged, or of another architecture; the message names the file.
    """
    checkpoint = load_checkpoint(path)
    layers = BACKBONES.get(checkpoint.header.get("config", {}).get("backbone"))
    if checkpoint.header.get("kind") != "box" or layers is None:
        raise InputError(f"{path} is of another architecture: it holds no network with a box head")
    model = BoxNet(BinaryAlexNetV1(layers=layers))
    tensors = {name: float_copy(tensor) for name, tensor in checkpoint.part("model").items()}
    restore_module(model, tensors, str(path))
    return model.eval().requires_grad_(False)


def float_copy(tensor: Tensor) -> Tensor:
    """A tensor as float32 where it is of another floating type, else itself."""
    return tensor.float() if tensor.is_floating_point() else tensor


class TorchBoxNetwork:
    """A BoxNet that takes crops and gives BoxAnswers.

    Args:
        model: the network; it is put in eval mode.
        name: shown in reports.
        weights_sha256: of the file that it came from; empty for a network in training.
    """

    def __init__(self, model: BoxNet, name: str = "network", weights_sha256: str = "") -> None:
        self.model, self.name, self.weights_sha256 = model.eval(), name, weights_sha256

    @classmethod
    def from_file(cls, path: Path) -> TorchBoxNetwork:
        """Loads a checkpoint; errors as `load_box_net`."""
        return cls(load_box_net(path), path.stem, file_sha256(path))

    @torch.inference_mode()
    def exemplar(self, crop: NDArray[np.uint8]) -> Tensor:
        """The feature of an exemplar crop, RGB uint8 1 x 127 x 127 x 3, for `search`."""
        return self.model.embed(_pixels(crop))

    @torch.inference_mode()
    def search(
        self, exemplar: Tensor, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        """What the network says of a search crop, RGB uint8 1 x 255 x 255 x 3.

        Args:
            exemplar: from `exemplar`.
            crop: cut for the believed size.
            believed: width and height in the crop, pixels.
        """
        feature = self.model.embed(_pixels(crop))
        response = self.model.respond(exemplar, feature)
        maps = self.model.head(exemplar, feature, response, torch.tensor([believed]))
        return BoxAnswer(*(m[0].numpy() for m in (response, *maps)))


def _pixels(crop: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(crop)).permute(0, 3, 1, 2).float().contiguous()
