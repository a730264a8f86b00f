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
| `"binarynet"`, `"xnor_pp"`, `"recu"`, `"irnet"` | any | other ways to the same packed form |
| `"pcnn"`, `"pcnn_4"`, `"cbcn"` | any | the same; the last two keep a quarter of the bits |
| `"binaryrelax"`, `"admm"` | any | the same; weights become binary in the course of the training |
| `"xnor_map"`, `"mcn"`, `"abcnet"`, `"dbf"`, `"cibcnn"` | any | comparisons that cannot be packed |
| any | `"rsign"`, `"react"` | ReActNet's learned thresholds, and its rectifiers in front of them |
| `"rbcn"` | `"two_bit"` | the network with a box head |
| `"rbcn"` | `"one_bit"` | a comparison: levels 0 and 1 instead of signs; it cannot be packed |
| `"abcnet"` | `"abcnet"` | ABC-Net whole; it cannot be packed |
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import nn

from rbsf.binarize.abcnet import ABCNet, ABCSign
from rbsf.binarize.activations import ApproxSign, ClippedSign, RSign
from rbsf.binarize.admm import ADMM
from rbsf.binarize.binarynet import BinaryNet
from rbsf.binarize.binaryrelax import BinaryRelax
from rbsf.binarize.cbcn import CBCN
from rbsf.binarize.cibcnn import CIBCNN
from rbsf.binarize.dbf import DBF
from rbsf.binarize.irnet import IRNet
from rbsf.binarize.levels import Levels
from rbsf.binarize.mcn import MCN
from rbsf.binarize.pcnn import PCNN
from rbsf.binarize.reactnet import ReActSign, RPReLU
from rbsf.binarize.recu import ReCU
from rbsf.binarize.weights import RBCN, BinaryWeight, BiReal, Cost, CShape, WeightBinarizer
from rbsf.binarize.xnor import XNOR, XNORPlusPlus, XNORWithMap

WeightBinarizerName = Literal[
    "rbcn",
    "bireal",
    "binarynet",
    "xnor",
    "xnor_map",
    "xnor_pp",
    "pcnn",
    "pcnn_4",
    "mcn",
    "cbcn",
    "abcnet",
    "binaryrelax",
    "admm",
    "dbf",
    "cibcnn",
    "irnet",
    "recu",
]
ActivationBinarizerName = Literal[
    "approx", "clipped", "rsign", "react", "two_bit", "one_bit", "abcnet"
]

WEIGHTS: dict[WeightBinarizerName, Callable[[torch.Size], WeightBinarizer]] = {
    "rbcn": RBCN,
    "bireal": BiReal,
    "binarynet": BinaryNet,
    "xnor": XNOR,
    "xnor_map": XNORWithMap,
    "xnor_pp": XNORPlusPlus,
    "pcnn": PCNN,
    "pcnn_4": partial(PCNN, projections=4),
    "mcn": MCN,
    "cbcn": CBCN,
    "abcnet": ABCNet,
    "binaryrelax": BinaryRelax,
    "admm": ADMM,
    "dbf": DBF,
    "cibcnn": CIBCNN,
    "irnet": IRNet,
    "recu": ReCU,
}
"""What makes each weight binarizer from the kernel's shape, by its name."""

ACTIVATIONS: dict[ActivationBinarizerName, Callable[[int], nn.Module]] = {
    "approx": lambda channels: ApproxSign(),
    "clipped": lambda channels: ClippedSign(),
    "rsign": RSign,
    "react": ReActSign,
    "two_bit": lambda channels: Levels(steps=3, height=0.5),
    "one_bit": lambda channels: Levels(steps=1, height=1.0),
    "abcnet": lambda channels: ABCSign(),
}
"""What makes each activation binarizer from the channels of its input, by its name."""


def weight_binarizer(
    name: WeightBinarizerName, shape: torch.Size, c_shape: CShape = "kernel"
) -> WeightBinarizer:
    """Makes a weight binarizer by its name.

    Args:
        name: A key of `WEIGHTS`.
        shape: The kernel's shape, (Cout, Cin / groups, k, k).
        c_shape: The shape of C, see `RBCN`. Other binarizers ignore it.

    Raises:
        KeyError: There is no binarizer of that name.
        InputError: The binarizer cannot have a kernel of that shape, see `Planes`.
    """
    return RBCN(shape, c_shape) if name == "rbcn" else WEIGHTS[name](shape)


def activation_binarizer(name: ActivationBinarizerName, channels: int) -> nn.Module:
    """Makes an activation binarizer by its name.

    Args:
        name: A key of `ACTIVATIONS`.
        channels: The channels of its input, each of which has a threshold of its own in `RSign`.

    Raises:
        KeyError: There is no binarizer of that name.
    """
    return ACTIVATIONS[name](channels)


__all__ = [
    "ACTIVATIONS",
    "ADMM",
    "CBCN",
    "CIBCNN",
    "DBF",
    "MCN",
    "PCNN",
    "RBCN",
    "WEIGHTS",
    "XNOR",
    "ABCNet",
    "ABCSign",
    "ActivationBinarizerName",
    "ApproxSign",
    "BiReal",
    "BinaryNet",
    "BinaryRelax",
    "BinaryWeight",
    "CShape",
    "ClippedSign",
    "Cost",
    "IRNet",
    "Levels",
    "RPReLU",
    "RSign",
    "ReActSign",
    "ReCU",
    "WeightBinarizer",
    "WeightBinarizerName",
    "XNORPlusPlus",
    "XNORWithMap",
    "activation_binarizer",
    "weight_binarizer",
]
