"""Table 5 of the paper: RB-SF beside SiamFC and its XNOR version on four benchmarks.

C. Liu and others, "RBCN: Rectified Binary Convolutional Networks for Enhancing the Performance of
1-bit DCNNs", IJCAI 2019. What the table calls SR on OTB and UAV123 is the area under the success
curve; on GOT-10k it is the share of frames with an overlap above .5.
"""

from __future__ import annotations

from typing import NamedTuple

TRACKERS = ("SiamFC", "XNOR", "RB-SF")
"""The paper's columns."""


class PaperRow(NamedTuple):
    """One row of the paper's table.

    Attributes:
        heading: The figure's name in the paper.
        figure: Its name in results.json.
        values: The figures of `TRACKERS`.
    """

    heading: str
    figure: str
    values: tuple[float, float, float]


class PaperBlock(NamedTuple):
    """The rows of one benchmark; `title` is the paper's name of it."""

    title: str
    rows: tuple[PaperRow, ...]


GOT10K = PaperBlock(
    "GOT-10k",
    (
        PaperRow("AO", "ao", (0.348, 0.251, 0.327)),
        PaperRow("SR", "sr50", (0.383, 0.230, 0.343)),
    ),
)
OTB50 = PaperBlock(
    "OTB50",
    (
        PaperRow("Precision", "precision_20px", (0.761, 0.457, 0.706)),
        PaperRow("SR", "success_auc", (0.556, 0.323, 0.496)),
    ),
)
OTB100 = PaperBlock(
    "OTB100",
    (
        PaperRow("Precision", "precision_20px", (0.808, 0.541, 0.786)),
        PaperRow("SR", "success_auc", (0.602, 0.394, 0.572)),
    ),
)
UAV123 = PaperBlock(
    "UAV123",
    (
        PaperRow("Precision", "precision_20px", (0.745, 0.547, 0.688)),
        PaperRow("SR", "success_auc", (0.528, 0.374, 0.497)),
    ),
)
