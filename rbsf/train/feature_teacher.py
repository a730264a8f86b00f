"""A foreign tracker's backbone as a teacher of features.

NanoTrack (HonglinChu/SiamTrackers, Apache-2.0) was taught by some 20 million pairs. Its features
are what little boxed data cannot give, and they can be taught on any picture, boxed or not. Its
backbone is read from an ONNX file that the run's settings name; none of it is shipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.errors import InputError
from rbsf.losses import feature_distillation
from rbsf.nn.discriminator import normalise

CELLS = slice(3, 14)
"""Of the teacher's 16 cells of stride 16 in a row, those that lie where ours do, two by two."""


class FeatureTeacher:
    """NanoTrack's backbone, V2 or V3, run by ONNX Runtime on one thread.

    Args:
        path: its ONNX file; input (1, 3, 255, 255) BGR 0..255, output (1, C, 16, 16).

    Raises:
        InputError: ONNX Runtime is not installed, or the file is no such network.
    """

    def __init__(self, path: str) -> None:
        self.session = _open_session(path)
        self.input: str = self.session.get_inputs()[0].name
        shape = self.session.get_outputs()[0].shape
        if self.session.get_inputs()[0].shape != [1, 3, 255, 255] or shape[2:] != [16, 16]:
            raise InputError(f"{path} is no NanoTrack backbone: it must map 3x255x255 to Cx16x16")
        self.channels: int = shape[1]

    def __call__(self, searches: Tensor) -> Tensor:
        """RGB pixels (N, 3, 255, 255), 0..255 -> features (N, C, 11, 11), one for 2x2 of ours."""
        bgr = searches.flip(1).float().cpu().contiguous().numpy()
        rows = [self.session.run(None, {self.input: crop[None]})[0] for crop in bgr]
        features = torch.from_numpy(np.concatenate(rows))
        return features[:, :, CELLS, CELLS].to(searches.device)


def _open_session(path: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise InputError("a feature teacher needs onnxruntime: pip install onnxruntime") from None
    if not Path(path).is_file():
        raise InputError(f"no feature teacher at {path}: give a NanoTrack backbone's ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no type of their own
        raise InputError(f"{path} is no ONNX network: {error}") from None


class FeatureAdapter(nn.Module):
    """A 1x1 convolution from our features to the teacher's channels; it serves training alone."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor, taught: Tensor) -> Tensor:
        """How far our features (N, C, 22, 22) are from the teacher's (N, C', 11, 11).

        Each channel is normalised, so 0 means equal up to scale and 2 unrelated.
        """
        ours = self.project(F.avg_pool2d(features, 2))
        return feature_distillation(normalise(ours), normalise(taught))
