"""The answers of another tracker as a teacher: where it sees the target, and in which boxes.

A box that a person drew says where one object of one picture ends. What a tracker answers that was
trained on some 20 million pairs says it of any picture, boxed or not, and says how sure it is.
Where the picture is boxed, the teacher is followed only if it agrees with the box.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rbsf.box_losses import overlaps
from rbsf.errors import InputError
from rbsf.train.feature_teacher import FeatureTeacher
from rbsf.train.onnx_graph import OnnxGraph
from rbsf.train.optim import autocast

TEACHER_STRIDE = 16
"""The distance between neighbouring cells of the teacher, in pixels of the search crop."""
REACH = 4
"""How many of the teacher's cells to each side of the middle one lie on our 17 x 17."""
AGREEMENT = 0.5
"""The IoU with the true box that the teacher's best box must exceed."""


class Answers(NamedTuple):
    """What the teacher says at every other of our cells, of N pairs."""

    target: Tensor
    """The probability that the target's middle is here, (N, 9, 9)."""
    boxes: Tensor
    """The boxes, (N, 4, 9, 9): the centre x and y from the crop's middle, the width and the height,
    in pixels of the search crop."""

    def best(self) -> Tensor:
        """The boxes of the likeliest cells, (N, 4)."""
        cells = self.target.flatten(1).argmax(dim=1)[:, None, None].expand(-1, 4, 1)
        return self.boxes.flatten(2).gather(2, cells)[:, :, 0]

    def agree(self, truth: Tensor) -> Tensor:
        """Whether the likeliest boxes are those of the targets, (N,) bool.

        Args:
            truth: The true boxes, (N, 4).
        """
        return overlaps(self.best(), truth)[0] > AGREEMENT


class AnswerTeacher:
    """NanoTrack's head, V2 or V3, on the features of its backbone.

    It was trained to find the target of an exemplar crop of 127 pixels in a search crop of 255,
    which are cut as ours are. Its cells lie 16 pixels apart, and so at every other one of ours.

    Args:
        path: The ONNX file of the head. The inputs are the features (1, C, 8, 8) and (1, C, 16,
            16). The outputs are two logits, of which the second is for the target, and the
            distances from a cell to the left, top, right and bottom of its box in pixels.
        backbone: The backbone that the head was trained with.

    Raises:
        InputError: The file is missing, or is no such head for this backbone.
    """

    def __init__(self, path: str, backbone: FeatureTeacher) -> None:
        if not Path(path).is_file():
            raise InputError(
                f"there is no head of a teacher at {path}: give the ONNX file of a NanoTrack head"
            )
        self.backbone = backbone
        self.head = OnnxGraph(path).to(backbone.device).eval().requires_grad_(False)
        c = backbone.channels
        if self.head.input_shapes != [[1, c, 8, 8], [1, c, 16, 16]]:
            raise InputError(
                f"{path} is not the head of the feature teacher: it must take {c} channels, of 8x8 "
                "and of 16x16 cells"
            )

    @torch.no_grad()
    def __call__(self, exemplars: Tensor, searched: Tensor) -> Answers:
        """Finds the targets of pairs.

        Args:
            exemplars: The exemplar crops, RGB (N, 3, 127, 127), 0 to 255.
            searched: The backbone's features of the search crops, (N, C, 16, 16).
        """
        shown = self.backbone(exemplars)
        with autocast("auto", searched.device):
            logits, sides = self.head(shown, searched)
        middle = logits.shape[-1] // 2
        cells = slice(middle - REACH, middle + REACH + 1)
        logits, sides = (m[:, :, cells, cells].float() for m in (logits, sides))
        left, top, right, bottom = sides.unbind(dim=1)
        at = torch.arange(-REACH, REACH + 1, device=sides.device) * TEACHER_STRIDE
        x, y = at + (right - left) / 2, at[:, None] + (bottom - top) / 2
        boxes = torch.stack([x, y, left + right, top + bottom], dim=1)
        return Answers(logits.softmax(dim=1)[:, 1], boxes)
