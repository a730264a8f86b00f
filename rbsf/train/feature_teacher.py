"""The backbone of another tracker as a teacher of features.

NanoTrack (HonglinChu/SiamTrackers, Apache-2.0) was trained on some 20 million pairs. Little boxed
data cannot give such features, but they can be taught on any picture, boxed or not. The backbone is
read from an ONNX file that the settings of the run name. The project does not ship it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.errors import InputError
from rbsf.extras import needs_extra
from rbsf.losses import feature_distillation
from rbsf.nn.discriminator import normalise
from rbsf.nn.siamfc import SEARCH_SIZE
from rbsf.train.onnx_graph import OnnxGraph
from rbsf.train.optim import autocast

CELLS = slice(3, 14)
"""Which of the teacher's 16 cells in a row lie where ours do. Each covers two by two of ours."""


class FeatureTeacher:
    """NanoTrack's backbone, V2 or V3.

    ONNX Runtime runs it on the search crops on a CPU, on one thread, where it is several times as
    fast as torch. Torch runs it on other devices, in whole batches.

    Args:
        path: Its ONNX file. The input is (1, 3, 255, 255), BGR, 0 to 255; the output is
            (1, C, 16, 16).
        device: Where the crops are.

    Attributes:
        channels: The number C of channels of the features.

    Raises:
        InputError: A package is not installed, or the file is not such a network.
    """

    def __init__(self, path: str, device: torch.device) -> None:
        if not Path(path).is_file():
            raise InputError(
                f"there is no feature teacher at {path}: give the ONNX file of a NanoTrack backbone"
            )
        self.path, self.device = path, device
        self.session: Any = None
        if device.type == "cpu":
            self.session = _open_session(path)
            self.input: str = self.session.get_inputs()[0].name
            takes, gives = self.session.get_inputs()[0].shape, self.session.get_outputs()[0].shape
        else:
            takes, gives = self.graph.input_shapes[0], self.graph.output_shapes[0]
        if takes != [1, 3, 255, 255] or gives[2:] != [16, 16]:
            raise InputError(
                f"{path} is not a NanoTrack backbone: it must map 3x255x255 to Cx16x16"
            )
        self.channels: int = gives[1]

    @cached_property
    def graph(self) -> OnnxGraph:
        """The backbone in torch, on the device. It takes crops of any size."""
        return OnnxGraph(self.path).to(self.device).eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, crops: Tensor) -> Tensor:
        """Embeds search or exemplar crops.

        Args:
            crops: The crops, RGB (N, 3, S, S), 0 to 255.

        Returns:
            The features, (N, C, s, s), where S = 255 gives s = 16 and S = 127 gives 8.
        """
        bgr = crops.flip(1).float()
        if self.session and crops.shape[-1] == SEARCH_SIZE:
            rows = [
                self.session.run(None, {self.input: crop[None]})[0]
                for crop in bgr.contiguous().numpy()
            ]
            return torch.from_numpy(np.concatenate(rows))
        with autocast("auto", crops.device):
            features: Tensor = self.graph(bgr)[0]
        return features.float()


def _open_session(path: str) -> Any:
    with needs_extra("the feature teacher"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common type of their own
        raise InputError(f"{path} is not an ONNX network: {' '.join(str(error).split())}") from None


class FeatureAdapter(nn.Module):
    """A 1x1 convolution from our features to the teacher's channels. Only training needs it.

    Args:
        inputs: The number of our channels.
        outputs: The number of the teacher's channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor, taught: Tensor) -> Tensor:
        """Measures how far our features are from the teacher's.

        Each channel is normalised, so 0 means that they are equal up to scale, and 2 that they are
        unrelated.

        Args:
            features: Our features, (N, C, 22, 22).
            taught: The teacher's features, (N, C', 16, 16).
        """
        ours = self.project(F.avg_pool2d(features, 2))
        return feature_distillation(normalise(ours), normalise(taught[:, :, CELLS, CELLS]))
