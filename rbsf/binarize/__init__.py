"""Binarizers turn real weights and activations into +1 and -1, and give sign a usable gradient.

Activations can have four levels instead, which are two bits. The weights stay one bit.

A `BinaryConv2d` takes one binarizer for its kernel and one for its input. They can be made by name,
as a configuration file does:

```python
from functools import partial
from rbsf.binarize import activation_binarizer, weight_binarizer
from rbsf.nn import BinaryConv2d

conv = BinaryConv2d(
    96, 256, 5, groups=2,
    weight_binarizer=partial(weight_binarizer, "rbcn"),
    activation_binarizer=activation_binarizer("approx", 96),
)
```

or their classes can be passed, which is equivalent:

```python
from rbsf.binarize import RBCN, ApproxSign

conv = BinaryConv2d(
    96, 256, 5, groups=2, weight_binarizer=RBCN, activation_binarizer=ApproxSign()
)
```

| weights | activations | network |
|---|---|---|
| `"rbcn"` | `"approx"` | RB-SF, which we recommend |
| `"bireal"` | `"approx"` | Bi, the first rung of the paper's Table 2 |
| `"xnor"` | `"clipped"` | XNOR-SF, the baseline of Table 5 in the RBCN paper |
| `"recu"`, `"irnet"` | any | other ways to the same packed form |
| any | `"rsign"` | ReActNet's learned thresholds |
| `"rbcn"` | `"two_bit"` | the network with a box head |
| `"rbcn"` | `"one_bit"` | a comparison: levels 0 and 1 instead of signs; it cannot be packed |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from rbsf.binarize.activations import ApproxSign, ClippedSign, RSign
from rbsf.binarize.irnet import IRNet
from rbsf.binarize.levels import Levels
from rbsf.binarize.recu import ReCU
from rbsf.binarize.weights import RBCN, XNOR, BinaryWeight, BiReal, CShape, WeightBinarizer

WeightBinarizerName = Literal["rbcn", "xnor", "bireal", "recu", "irnet"]
ActivationBinarizerName = Literal["approx", "clipped", "rsign", "two_bit", "one_bit"]


def weight_binarizer(
    name: WeightBinarizerName, shape: torch.Size, c_shape: CShape = "kernel"
) -> WeightBinarizer:
    """Makes a weight binarizer by its name.

    Args:
        name: "rbcn" makes an `RBCN`, "xnor" an `XNOR`, "bireal" a `BiReal`, "recu" a `ReCU` and
            "irnet" an `IRNet`.
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        c_shape: The shape of C, see `RBCN`. Other binarizers ignore it.

    Raises:
        KeyError: There is no binarizer of that name.
    """
    makers: dict[str, Callable[[], WeightBinarizer]] = {
        "rbcn": lambda: RBCN(shape, c_shape),
        "xnor": lambda: XNOR(shape),
        "bireal": lambda: BiReal(shape),
        "recu": lambda: ReCU(shape),
        "irnet": lambda: IRNet(shape),
    }
    return makers[name]()


def activation_binarizer(name: ActivationBinarizerName, channels: int) -> nn.Module:
    """Makes an activation binarizer by its name.

    Args:
        name: "approx" makes an `ApproxSign`, "clipped" a `ClippedSign`, "rsign" an `RSign`,
            "two_bit" and "one_bit" make `Levels`.
        channels: The channels of its input, each of which has a threshold of its own in `RSign`.

    Raises:
        KeyError: There is no binarizer of that name.
    """
    makers: dict[str, Callable[[], nn.Module]] = {
        "approx": ApproxSign,
        "clipped": ClippedSign,
        "rsign": lambda: RSign(channels),
        "two_bit": lambda: Levels(steps=3, height=0.5),
        "one_bit": lambda: Levels(steps=1, height=1.0),
    }
    return makers[name]()


__all__ = [
    "RBCN",
    "XNOR",
    "ActivationBinarizerName",
    "ApproxSign",
    "BiReal",
    "BinaryWeight",
    "CShape",
    "ClippedSign",
    "IRNet",
    "Levels",
    "RSign",
    "ReCU",
    "WeightBinarizer",
    "WeightBinarizerName",
    "activation_binarizer",
    "weight_binarizer",
]
