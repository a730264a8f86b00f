"""Binarizers by name.

A learned activation threshold (ReActNet's RSign) is not among them: every binary input of this
backbone stands right behind a batch norm, whose beta already is that threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from rbsf.binarize.activations import ApproxSign, ClippedSign
from rbsf.binarize.weights import RBCN, XNOR, BinaryWeight, CShape, WeightBinarizer

WeightBinarizerName = Literal["rbcn", "xnor"]
ActivationBinarizerName = Literal["approx", "clipped"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"approx": ApproxSign, "clipped": ClippedSign}


def weight_binarizer(
    name: WeightBinarizerName, shape: torch.Size, c_shape: CShape = "kernel"
) -> WeightBinarizer:
    """A weight binarizer for kernels of `shape` (Cout, Cin, k, k); `c_shape` is for rbcn alone.

    Raises:
        KeyError: no binarizer of that name.
    """
    makers: dict[str, Callable[[], WeightBinarizer]] = {
        "rbcn": lambda: RBCN(shape, c_shape),
        "xnor": lambda: XNOR(shape),
    }
    return makers[name]()


def activation_binarizer(name: ActivationBinarizerName) -> nn.Module:
    """An activation binarizer."""
    return ACTIVATIONS[name]()


__all__ = [
    "RBCN",
    "XNOR",
    "ActivationBinarizerName",
    "ApproxSign",
    "BinaryWeight",
    "CShape",
    "ClippedSign",
    "WeightBinarizer",
    "WeightBinarizerName",
    "activation_binarizer",
    "weight_binarizer",
]
