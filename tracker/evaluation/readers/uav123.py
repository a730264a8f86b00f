"""UAV123: `anno/UAV123/<sequence>.txt` and `data_seq/UAV123/<folder>/%06d.jpg`.

Several sequences are parts of one folder of images, between a first and a last frame that the list
`uav123.txt` has as the benchmark's own `configSeqs` does. A root with folders in OTB's layout, one
for each sequence, is read as well.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from rbsf.errors import InputError
from rbsf.geometry import from_one_indexed

from ..sequence import Sequence, check_sequence
from . import attributes
from .benchmark import Benchmark, Loaders
from .files import folders, numbered_images, official_list, read_true_boxes
from .otb import load_otb


class Part(NamedTuple):
    """A sequence: the frames of a folder from the first to the last, both included."""

    name: str
    folder: str
    first: int
    last: int


def find_uav123(root: Path) -> Loaders:
    """A loader for each of the 123 sequences."""
    for base in (root, root / "UAV123"):
        if (base / "anno" / "UAV123").is_dir():
            return {part.name: partial(_load, base, part) for part in parts()}
    there = {folder.name for folder in folders(root)}
    names = [part.name for part in parts()] if there else []
    return {name: partial(_load_as_otb, root / name, there) for name in names}


def parts() -> list[Part]:
    """The sequences as the benchmark lists them."""
    rows = official_list("uav123")
    return [Part(name, folder, int(first), int(last)) for name, folder, first, last in rows]


def _load(base: Path, part: Part) -> Sequence:
    annotations = base / "anno" / "UAV123"
    boxes = from_one_indexed(read_true_boxes(annotations / f"{part.name}.txt"))
    folder = base / "data_seq" / "UAV123" / part.folder
    if not folder.is_dir():
        raise InputError(f"{folder} is missing")
    frames = numbered_images(folder, range(part.first, part.last + 1), digits=6)
    hard = attributes.flagged(annotations / "att" / f"{part.name}.txt", attributes.UAV123)
    return check_sequence(Sequence(part.name, frames, boxes, attributes=hard))


def _load_as_otb(folder: Path, there: set[str]) -> Sequence:
    if folder.name not in there:
        raise InputError("its folder is missing")
    return load_otb(folder.name, folder, folder / "groundtruth_rect.txt")


UAV123 = Benchmark(
    split="the 123 sequences",
    layout="<root>/anno/UAV123/<sequence>.txt and <root>/data_seq/UAV123/<folder>/000001.jpg, or "
    "<root>/<sequence>/img/*.jpg and <root>/<sequence>/groundtruth_rect.txt",
    find=find_uav123,
)
