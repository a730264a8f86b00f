"""VOT short-term: `list.txt` and `<sequence>/{groundtruth.txt, color/%08d.jpg or %08d.jpg}`.

A row of the ground truth is a rectangle (4 numbers), a polygon (8 numbers), a mask (`m`, then
offset, size and run lengths) or a single number where there is none. The tracker is run once, from
a box, without VOT's restarts: its own toolkit is for those (`toolkits.run_vot`). Coordinates are
0-indexed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from rbsf.errors import InputError
from rbsf.files.names import plain_name
from rbsf.files.text import read_text

from ..sequence import Boxes, Sequence, check_sequence
from . import attributes
from .benchmark import Benchmark, Loaders
from .files import images, without_areas_as_nan

NO_BOX = [np.nan] * 4


def find_vot(root: Path) -> Loaders:
    """The sequences of the list."""
    base = root / "sequences" if (root / "sequences" / "list.txt").is_file() else root
    if not (base / "list.txt").is_file():
        return {}
    names = map(str.strip, read_text(base / "list.txt").splitlines())
    return {name: partial(_load, base, name) for name in names if name}


def _load(base: Path, name: str) -> Sequence:
    folder = base / plain_name(name, "a sequence")
    below = folder / "color"
    frames = images(below if below.is_dir() else folder)
    boxes = read_regions(folder / "groundtruth.txt")
    tags = [*sorted(folder.glob("*.tag")), *sorted(folder.glob("*.label"))]
    hard = tuple(file.stem for file in tags if attributes.ever(file))
    return check_sequence(Sequence(name, frames, boxes, attributes=hard))


def read_regions(path: Path) -> Boxes:
    """The boxes of the regions in a file, N x 4 and 0-indexed, NaN where there is no region.

    Raises:
        InputError: A line is none of the four kinds.
    """
    boxes = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            boxes.append(_box(line.strip()))
        except ValueError:
            raise InputError(f"{path} line {number} is no region: {line[:60]!r}") from None
    return without_areas_as_nan(np.array(boxes, dtype=np.float64).reshape(-1, 4))


def _box(region: str) -> list[float]:
    if region.startswith("m"):
        return _around_mask([int(word) for word in region[1:].split(",")])
    numbers = [float(word) for word in region.split(",")]
    if len(numbers) == 1:
        return NO_BOX
    if len(numbers) == 4:
        return numbers
    return _around_polygon(np.array(numbers).reshape(4, 2))


@np.errstate(all="ignore")  # what is not finite is no box in the end
def _around_polygon(corners: Boxes) -> list[float]:
    """The upright box with the polygon's centre and about its area, as VOT converts them."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    sides = np.linalg.norm(corners[1:3] - corners[0:2], axis=1)
    extent = np.prod(high - low)
    if not extent:
        return NO_BOX
    size = np.sqrt(np.prod(sides) / extent) * (high - low) + 1
    return [*(corners.mean(axis=0) - size / 2).tolist(), *size.tolist()]


def _around_mask(numbers: list[int]) -> list[float]:
    """The smallest box around a mask: its offset and size, then run lengths of zeros and ones."""
    x, y, width, height, *runs = numbers
    values = np.arange(len(runs)) % 2
    pixels = np.repeat(values, runs)[: width * height]
    rows, columns = np.divmod(np.flatnonzero(pixels), width)
    if not len(rows):
        return NO_BOX
    left, top = columns.min(), rows.min()
    size = columns.max() - left + 1, rows.max() - top + 1
    return [float(x + left), float(y + top), float(size[0]), float(size[1])]


VOT_ST = Benchmark(
    split="the sequences of list.txt, one pass from the first box",
    layout="<root>/list.txt and <root>/<sequence>/groundtruth.txt",
    find=find_vot,
)
