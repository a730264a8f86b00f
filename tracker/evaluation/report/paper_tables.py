"""Tables 2, 3 and 4 of the RBCN paper: its figures, and the run that each of them asks for.

C. Liu and others, "RBCN: Rectified Binary Convolutional Networks for Enhancing the Performance of
1-bit DCNNs", IJCAI 2019. All figures are percentages. Tables 2 and 3 print two figures for the same
cell, 61.64 and 61.09 (R+G+B, 32-32-64-128, CIFAR-100); both are kept as they are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Method = Literal[
    "real", "Bi", "R", "R+G", "R+G+B", "XNOR", "PCNN", "ABC-Net", "BinaryNet", "Scheme-A"
]
Data = Literal["cifar10", "cifar100", "imagenet"]
Stages = tuple[int, int, int, int]

SMALL, MIDDLE, LARGE = (32, 32, 64, 128), (32, 64, 128, 256), (64, 64, 128, 256)
IMAGENET = (64, 128, 256, 512)


class Wanted(NamedTuple):
    """The runs that a cell asks for."""

    data: Data
    architecture: str
    stages: Stages
    method: Method
    figure: Literal["top1", "top5"] = "top1"


class PaperCell(NamedTuple):
    """One figure of the paper."""

    value: float
    wanted: Wanted


class PaperTable(NamedTuple):
    """A table; each row has its labels and one cell for each column. `digits` follow the point."""

    number: int
    title: str
    digits: int
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[PaperCell, ...]], ...]


def stages_text(stages: tuple[int, ...]) -> str:
    """Stages as the paper writes them, as in 64-64-128-256."""
    return "-".join(map(str, stages))


_LADDER: tuple[Method, ...] = ("Bi", "R", "R+G", "R+G+B")
_TABLE2 = {
    SMALL: (54.92, 56.54, 59.13, 61.64),
    MIDDLE: (63.11, 63.49, 64.93, 65.38),
    LARGE: (63.81, 64.13, 65.02, 66.27),
}
TABLE2 = PaperTable(
    2,
    "What each part of RBCN is worth: top-1 of ResNet-18 on CIFAR-100",
    2,
    ("kernel stages",),
    _LADDER,
    tuple(
        (
            (stages_text(stages),),
            tuple(
                PaperCell(value, Wanted("cifar100", "resnet18", stages, method))
                for value, method in zip(values, _LADDER, strict=True)
            ),
        )
        for stages, values in _TABLE2.items()
    ),
)

NAMES: dict[Method, str] = {"real": "full precision", "R+G+B": "RBCN", "Bi": "Bi-Real"}
"""What Tables 3 and 4 call the methods."""
TITLES = {"resnet18": "ResNet-18", "wrn22": "WRN-22", "wrn40": "WRN-40"}
"""What the tables call the networks."""
_TABLE3: tuple[tuple[Method, str, Stages, float, float], ...] = (
    ("real", "resnet18", SMALL, 92.67, 67.07),
    ("real", "resnet18", MIDDLE, 93.88, 72.51),
    ("real", "resnet18", LARGE, 94.57, 72.89),
    ("R+G+B", "resnet18", SMALL, 89.03, 61.09),
    ("R+G+B", "resnet18", MIDDLE, 90.67, 65.38),
    ("R+G+B", "resnet18", LARGE, 90.40, 66.27),
    ("real", "wrn22", LARGE, 95.19, 76.38),
    ("real", "wrn40", LARGE, 94.92, 74.91),
    ("R+G+B", "wrn22", LARGE, 93.28, 72.06),
    ("R+G+B", "wrn40", LARGE, 93.69, 73.08),
    ("XNOR", "resnet18", SMALL, 71.01, 43.58),
    ("XNOR", "wrn22", LARGE, 86.90, 58.05),
    ("Bi", "resnet18", SMALL, 85.34, 54.92),
    ("Bi", "wrn22", LARGE, 90.65, 68.51),
    ("PCNN", "resnet18", SMALL, 85.50, 55.66),
    ("PCNN", "wrn22", LARGE, 91.62, 70.32),
    ("Scheme-A", "resnet18", MIDDLE, 75.45, 46.32),
    ("Scheme-A", "wrn22", LARGE, 87.83, 59.54),
)
TABLE3 = PaperTable(
    3,
    "Top-1 on CIFAR-10 and CIFAR-100",
    2,
    ("method", "network", "kernel stages"),
    ("CIFAR-10", "CIFAR-100"),
    tuple(
        (
            (NAMES.get(method, method), TITLES[network], stages_text(stages)),
            (
                PaperCell(ten, Wanted("cifar10", network, stages, method)),
                PaperCell(hundred, Wanted("cifar100", network, stages, method)),
            ),
        )
        for method, network, stages, ten, hundred in _TABLE3
    ),
)

_METHODS4: tuple[Method, ...] = (*("real", "XNOR", "ABC-Net", "BinaryNet", "Bi", "PCNN", "R+G+B"),)
_TABLE4: dict[Literal["top1", "top5"], tuple[float, ...]] = {
    "top1": (69.3, 51.2, 42.7, 42.2, 56.4, 57.3, 59.5),
    "top5": (89.2, 73.2, 67.6, 67.1, 79.5, 79.8, 81.6),
}
TABLE4 = PaperTable(
    4,
    "ResNet-18 on ImageNet",
    1,
    ("figure",),
    tuple(NAMES.get(method, method) for method in _METHODS4),
    tuple(
        (
            ("top-1" if figure == "top1" else "top-5",),
            tuple(
                PaperCell(value, Wanted("imagenet", "resnet18", IMAGENET, method, figure))
                for value, method in zip(values, _METHODS4, strict=True)
            ),
        )
        for figure, values in _TABLE4.items()
    ),
)

TABLE6 = {
    "memory, Mbits": ("33.7", "33.7", "374.1"),
    "memory saving": ("11.10x", "11.10x", "-"),
    "FLOPs": ("1.67e8", "1.67e8", "1.81e9"),
    "speedup": ("10.86x", "10.86x", "-"),
}
"""The figures of RBCN, XNOR-Net and the real ResNet-18."""
TABLE6_COLUMNS = ("RBCN", "XNOR-Net", "ResNet-18")
