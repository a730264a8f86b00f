"""Makes networks small enough to ship: binary kernels become bits, the teacher's become float16.

A training checkpoint holds the latent W and C of every binary layer. A shipped student holds
`weight_bits` and `scale` instead, where the bits are the signs of the flattened kernel, eight in a
byte. It computes the same to the bit, but it cannot be trained further.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rbsf.binarize.weights import BinaryWeight, WeightBinarizer
from rbsf.nn import BinaryAlexNetV1, SiamFC
from rbsf.nn.binary_conv import refuse_obstacles


class Frozen(WeightBinarizer):
    """A weight binarizer for inference: the kernel already is +1 and -1, the scale is constant."""

    scale: Tensor

    def __init__(self, shape: torch.Size, scale: Tensor) -> None:
        super().__init__(shape)
        self.register_buffer("scale", scale)

    def forward(self, weight: Tensor) -> BinaryWeight:
        return BinaryWeight(weight, self.scale)


def freeze(model: SiamFC) -> SiamFC:
    """Replaces the latent kernels by their signs, in place. The outputs stay the same, but sooner.

    A full-precision network keeps its kernels, and so does a layer with a method that does not
    pack. All are put in eval mode, without gradients.
    """
    model.eval()
    if isinstance(model.backbone, BinaryAlexNetV1):
        for conv in model.backbone.binary_layers().values():
            if conv.weight_binarizer.obstacle:
                continue
            with torch.no_grad():  # a learned scale must leave its graph, or no copy could be made
                signs, scale = (tensor.clone() for tensor in conv.weight_binarizer(conv.weight))
            conv.weight = nn.Parameter(signs, requires_grad=False)
            conv.weight_binarizer = Frozen(conv.weight.shape, scale)
    return model.requires_grad_(False)


def shrink(model: SiamFC) -> dict[str, Tensor]:
    """Freezes a model and gives the tensors of its shipped file. `grow` is the inverse.

    Raises:
        InputError: It has a method that does not pack.
    """
    if isinstance(model.backbone, BinaryAlexNetV1):
        refuse_obstacles(model.backbone.binary_layers())
    tensors = {
        name: t for name, t in freeze(model).state_dict().items() if "num_batches" not in name
    }
    if not isinstance(model.backbone, BinaryAlexNetV1):
        return {name: t.half() if t.ndim == 4 else t for name, t in tensors.items()}
    for layer in model.backbone.binary_layers():
        signs = tensors.pop(f"backbone.{layer}.weight")
        bits = np.packbits((signs > 0).cpu().numpy())
        tensors[f"backbone.{layer}.weight_bits"] = torch.from_numpy(bits)
    return tensors


def grow(tensors: dict[str, Tensor], model: SiamFC) -> dict[str, Tensor]:
    """Gives the state dict of a frozen model from the tensors of a shipped file.

    Args:
        tensors: The file's tensors by name.
        model: A network of the same architecture, frozen by `freeze`; it is not changed.

    Raises:
        KeyError: A tensor is missing.
        ValueError: A kernel has too few or too many bits.
    """
    state = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    for name in model.state_dict():
        if "num_batches" in name:
            state[name] = torch.zeros((), dtype=torch.long)
    if isinstance(model.backbone, BinaryAlexNetV1):
        for layer, conv in model.backbone.binary_layers().items():
            bits = state.pop(f"backbone.{layer}.weight_bits").numpy()
            if len(bits) != -(-conv.weight.numel() // 8):
                expected = -(-conv.weight.numel() // 8)
                raise ValueError(f"{layer} has {len(bits)} bytes of bits, not {expected}")
            ones = torch.from_numpy(np.unpackbits(bits, count=conv.weight.numel()))
            state[f"backbone.{layer}.weight"] = ones.float().mul(2).sub(1).view_as(conv.weight)
    return state
