"""Need for Speed at 30 frames a second: `<sequence>/30/{<sequence>.txt, <sequence>/*.jpg}`.

A row of the annotation has the object's number, then left, top, right and bottom, then flags and
the category. There are rows for 240 frames a second: every eighth is of an image at 30.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from rbsf.errors import InputError
from rbsf.files.text import read_text
from rbsf.geometry import from_one_indexed

from ..sequence import Boxes, Sequence, check_sequence
from .benchmark import Benchmark, Loaders
from .files import folders, images, is_empty, without_areas_as_nan

STEP = 8
"""Annotated frames for each image."""


def find_nfs(root: Path) -> Loaders:
    """Every sequence that has a folder for 30 frames a second, or is empty."""
    return {
        folder.name: partial(_load, folder)
        for folder in folders(root)
        if (folder / "30").is_dir() or is_empty(folder)
    }


def _load(folder: Path) -> Sequence:
    name = folder.name
    boxes = _boxes(folder / "30" / f"{name}.txt")
    frames = images(folder / "30" / name)
    if frames and abs(len(boxes) / len(frames) - STEP) < 1:
        boxes = boxes[::STEP]
    if abs(len(frames) - len(boxes)) == 1:  # known of several sequences
        count = min(len(frames), len(boxes))
        frames, boxes = frames[:count], boxes[:count]
    return check_sequence(Sequence(name, frames, from_one_indexed(boxes)))


def _boxes(path: Path) -> Boxes:
    rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        corners = np.array([[float(word) for word in row[1:5]] for row in rows]).reshape(-1, 4)
    except ValueError:
        raise InputError(f"{path} has a row without left, top, right and bottom") from None
    with np.errstate(over="ignore"):  # what is too large becomes inf, which is no box
        corners[:, 2:] -= corners[:, :2]
    return without_areas_as_nan(corners)


NFS = Benchmark(
    split="every sequence found at 30 frames a second",
    layout="<root>/<sequence>/30/<sequence>.txt and <root>/<sequence>/30/<sequence>/*.jpg",
    find=find_nfs,
)
