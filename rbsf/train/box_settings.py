"""The settings of a training of backbone and box head together."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from rbsf.binarize import ActivationBinarizerName
from rbsf.config import Settings
from rbsf.data.box_pairs import BoxDataSettings
from rbsf.train.settings import RunSettings

FILES = ("start", "feature_teacher", "head_teacher")
"""The settings that name a file."""


class BoxLossWeights(Settings):
    """The weight of each loss. The defaults are those of the pilot."""

    target: float = Field(1.0, ge=0, description="The cross-entropy of the target map.")
    hard: float = Field(
        0.15, ge=0, description="The cross-entropy of each map's 16 most mistaken negatives."
    )
    box: float = Field(1.5, ge=0, description="1 - GIoU of the boxes.")
    quality: float = Field(
        0.3, ge=0, description="The cross-entropy of the quality map with the boxes' IoU."
    )
    response: float = Field(0.7, ge=0, description="The cross-entropy of the plain correlation.")
    feature: float = Field(0.6, ge=0, description="The distance from the teacher's features.")
    taught_target: float = Field(
        0.5, ge=0, description="The cross-entropy of the target map with the teacher's answers."
    )
    taught_box: float = Field(
        0.75, ge=0, description="1 - GIoU of the boxes with those of the teacher's answers."
    )
    kernel: float = Field(
        0,
        ge=0,
        description="RBCN's kernel loss. In long runs it does harm: C grows without an end, since "
        "batch norms undo its size, and pulls latent weights to where no step can turn them.",
    )


class BoxSettings(RunSettings):
    """The settings of a 1-bit network with a box head, trained from end to end.

    The learning rate falls from `optimiser.lr` to `optimiser.final_lr` along half a cosine.
    """

    backbone: Literal["slim", "wide", "alexnet"] = Field(
        "slim", description="The layers of the backbone."
    )
    activations: ActivationBinarizerName = Field("two_bit", description="The activation binarizer.")
    start: str | None = Field(
        None,
        description="The checkpoint whose weights the training starts from. If it has no adapter "
        "of features, as the shipped one does, that learns alone in the first epoch.",
    )
    feature_teacher: str | None = Field(
        None, description="The ONNX file of a NanoTrack backbone, which teaches features."
    )
    head_teacher: str | None = Field(
        None,
        description="The ONNX file of the head that belongs to the feature teacher. Its answers "
        "are taught where it agrees with the true box, and where there is none.",
    )
    losses: BoxLossWeights = Field(BoxLossWeights(), description="The weight of each loss.")
    backbone_rate: float = Field(
        0.5,
        gt=0,
        description="The learning rate of the backbone's real parameters, relative to that of W.",
    )
    c_rate: float = Field(0.1, gt=0, description="The learning rate of C relative to that of W.")
    response_rate: float = Field(
        5.0,
        gt=0,
        description="The learning rate of the response's gain and bias, relative to that of W.",
    )
    freeze_norms_from: float = Field(
        0.7,
        gt=0,
        le=1,
        description="The share of the epochs after which batch norms use their running statistics.",
    )
    pairs_from: Literal["workers", "device"] = Field(
        "workers",
        description="Who makes the pairs: processes on the CPU, or the device that trains. A GPU "
        "does it faster by far, but needs room for all crops.",
    )
    data: BoxDataSettings = Field(
        BoxDataSettings(), description="Where pairs come from and how they are made."
    )

    def input_files(self) -> dict[str, str]:
        """The checkpoint that the training starts from, and the files of its teachers."""
        return {key: file for key in FILES if (file := getattr(self, key))}

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        first, last = self.optimiser.lr, self.optimiser.final_lr
        return last + (first - last) * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
