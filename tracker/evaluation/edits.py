"""Edits of frames after they are read: a window that moves over the picture, and an occluder.

An edit says for every frame of a sequence what is done to it, so that the truth follows from
geometry alone. Its repr holds all that its frames depend on, and no folder of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from rbsf.errors import InputError
from rbsf.files.image import read_image
from rbsf.geometry import Box, Frame, clip_box

from .sequence import Boxes

VISIBLE = 0.25
"""A target counts as absent where less than this share of its box can be seen."""


@dataclass(frozen=True)
class Window:
    """Shows a part of every picture, as a camera with a narrower view would.

    Attributes:
        size: The (width, height) of the part, in pixels.
        corners: The left and top of the part, for each frame, in pixels.
    """

    size: tuple[int, int]
    corners: tuple[tuple[int, int], ...]

    def __call__(self, frame: Frame, index: int) -> Frame:
        """Cuts the part out of the picture of an index."""
        (width, height), (left, top) = self.size, self.corners[index]
        return np.ascontiguousarray(frame[top : top + height, left : left + width])

    def seen(self, boxes: Boxes) -> Boxes:
        """Moves boxes (N x 4) into the window and cuts them to it; NaN where absent."""
        moved = boxes.copy()
        moved[:, :2] -= np.array(self.corners)
        return np.array([_cut(box, self.size) for box in moved])


@dataclass(frozen=True)
class Occluder:
    """Pastes a part of another picture.

    Attributes:
        picture: The name of the other picture.
        places: The box of the pasted part for each frame, in whole pixels, or None without it. All
            have one size.
        file: The other picture.
    """

    picture: str
    places: tuple[tuple[int, int, int, int] | None, ...]
    file: Path = field(repr=False)

    def __call__(self, frame: Frame, index: int) -> Frame:
        """Pastes it into the picture of an index.

        Raises:
            InputError: The other picture cannot be read.
        """
        place = self.places[index]
        if place is None:
            return frame
        x, y, w, h = place
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + w, frame.shape[1]), min(y + h, frame.shape[0])
        if right <= left or bottom <= top:
            return frame
        changed = frame.copy()
        patch = _patch(self.file, (w, h))
        changed[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
        return changed

    def seen(self, boxes: Boxes) -> Boxes:
        """The boxes (N x 4); NaN where the target is absent behind the occluder."""
        return np.array([_behind(box, p) for box, p in zip(boxes, self.places, strict=True)])


def _cut(box: Boxes, size: tuple[int, int]) -> Boxes:
    """The part of a box inside a window; NaN if too little of it is there."""
    inside = clip_box(Box(*box.tolist()), size)
    share = inside.w * inside.h / (box[2] * box[3])
    return np.array(inside) if share >= VISIBLE else np.full(4, np.nan)


def _behind(box: Boxes, place: tuple[int, int, int, int] | None) -> Boxes:
    """The whole box behind an occluder; NaN if too little of it can be seen."""
    if place is None:
        return box
    x, y, w, h = box
    wide = min(x + w, place[0] + place[2]) - max(x, place[0])
    high = min(y + h, place[1] + place[3]) - max(y, place[1])
    covered = max(wide, 0) * max(high, 0) / (w * h)
    return box if 1 - covered >= VISIBLE else np.full(4, np.nan)


@lru_cache(maxsize=8)
def _patch(file: Path, size: tuple[int, int]) -> Frame:
    """The middle of a picture in the shape of a size, resampled to it."""
    picture = read_image(file, as_stored=True)
    if picture is None:
        raise InputError(f"cannot read image {file}: it is missing, empty or damaged")
    height, width = picture.shape[:2]
    scale = min(width / size[0], height / size[1])
    w, h = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    left, top = (width - w) // 2, (height - h) // 2
    part = picture[top : top + h, left : left + w]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
