"""Settings of the training of backbone and box head together."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from rbsf.config import Settings
from rbsf.data.box_pairs import BoxDataSettings
from rbsf.train.settings import RunSettings


class BoxLossWeights(Settings):
    """What each loss counts; the defaults are the pilot's."""

    target: float = Field(1.0, ge=0, description="cross-entropy of the target map")
    hard: float = Field(0.15, ge=0, description="of it, of each map's 16 most mistaken negatives")
    box: float = Field(1.5, ge=0, description="1 - GIoU")
    quality: float = Field(0.3, ge=0)
    response: float = Field(0.7, ge=0, description="cross-entropy of the plain correlation")
    feature: float = Field(0.6, ge=0, description="distance from the teacher's features")
    kernel: float = Field(1e-4, ge=0, description="RBCN's kernel loss")


class BoxSettings(RunSettings):
    """A 1-bit network with a box head, trained end to end.

    The rate falls from `optimiser.lr` to `final_lr` along half a cosine.
    """

    backbone: Literal["slim", "alexnet"] = "slim"
    start: str | None = Field(None, description="checkpoint whose weights are the start")
    feature_teacher: str | None = Field(None, description="a NanoTrack backbone's ONNX file")
    losses: BoxLossWeights = BoxLossWeights()
    backbone_rate: float = Field(
        0.5, gt=0, description="rate of what is real in the backbone, relative to latent weights"
    )
    c_rate: float = Field(0.1, gt=0, description="C's rate relative to the latent weights'")
    response_rate: float = Field(5.0, gt=0, description="of the response's gain and bias")
    freeze_norms_from: float = Field(
        0.7, gt=0, le=1, description="share of the epochs after which steps use running statistics"
    )
    data: BoxDataSettings = BoxDataSettings()

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, 0-based."""
        first, last = self.optimiser.lr, self.optimiser.final_lr
        return last + (first - last) * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
