"""The settings of a classifier's training, which are the keys of the files in configs/classify/."""

from __future__ import annotations

from pydantic import Field

from rbsf.data.pictures import PictureSettings
from rbsf.nn import NetworkSettings
from rbsf.train.settings import DistillationSettings, LoopSettings


class ClassifierSettings(LoopSettings):
    """The settings of a classifier in full precision, the teacher."""

    network: NetworkSettings = Field(NetworkSettings(), description="The architecture.")
    data: PictureSettings = Field(PictureSettings(), description="Where pictures come from.")
    label_smoothing: float = Field(
        0, ge=0, lt=1, description="The share of a label that is spread over all classes."
    )


class BinaryClassifierSettings(ClassifierSettings, DistillationSettings):
    """The settings of a binary classifier, distilled from a teacher."""

    map_stride: int = Field(
        1, ge=1, le=8, description="Only every such row and column of a map is compared."
    )
