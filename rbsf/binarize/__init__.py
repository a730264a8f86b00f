"""Binarizers turn real weights and activations into +1 and -1, and give sign a usable gradient.

A `BinaryConv2d` takes one binarizer for its kernel and one for its input. They can be made by name,
as a configuration file does:

```python
from functools import partial
from rbsf.binarize import activation_binarizer, weight_binarizer
from rbsf.nn import BinaryConv2d

conv = BinaryConv2d(
    96, 256, 5, groups=2,
    weight_binarizer=partial(weight_binarizer, "rbcn"),
    activation_binarizer=activation_binarizer("approx"),
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

ReActNet's RSign, an activation binarizer with a learned threshold, is not offered. Every binary
input of our backbone comes directly from a batch norm, and the norm's beta already is that
threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from rbsf.binarize.activations import ApproxSign, ClippedSign
from rbsf.binarize.weights import RBCN, XNOR, BinaryWeight, BiReal, CShape, WeightBinarizer

WeightBinarizerName = Literal["rbcn", "xnor", "bireal"]
ActivationBinarizerName = Literal["approx", "clipped"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"approx": ApproxSign, "clipped": ClippedSign}


def weight_binarizer(
    name: WeightBinarizerName, shape: torch.Size, c_shape: CShape = "kernel"
) -> WeightBinarizer:
    """Makes a weight binarizer by its name.

    Args:
        name: "rbcn" makes an `RBCN`, "xnor" an `XNOR`, "bireal" a `BiReal`.
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        c_shape: The shape of C, see `RBCN`. Other binarizers ignore it.

    Raises:
        KeyError: There is no binarizer of that name.
    """
    makers: dict[str, Callable[[], WeightBinarizer]] = {
        "rbcn": lambda: RBCN(shape, c_shape),
        "xnor": lambda: XNOR(shape),
        "bireal": lambda: BiReal(shape),
    }
    return makers[name]()


def activation_binarizer(name: ActivationBinarizerName) -> nn.Module:
    """Makes an activation binarizer by its name.

    Args:
        name: "approx" makes an `ApproxSign`, "clipped" makes a `ClippedSign`.

    Raises:
        KeyError: There is no binarizer of that name.
    """
    return ACTIVATIONS[name]()


__all__ = [
    "RBCN",
    "XNOR",
    "ActivationBinarizerName",
    "ApproxSign",
    "BiReal",
    "BinaryWeight",
    "CShape",
    "ClippedSign",
    "WeightBinarizer",
    "WeightBinarizerName",
    "activation_binarizer",
    "weight_binarizer",
]
