"""LaSOT's test set: `<category>/<category>-<N>/{img/*.jpg, groundtruth.txt}`.

The folder of the category may be left out. Frames in which the target is fully hidden or out of
view have a 1 in `full_occlusion.txt` or `out_of_view.txt`. They are not scored, as in LaSOT's own
toolkit.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.files.text import read_text
from rbsf.geometry import from_one_indexed

from ..sequence import Sequence, check_sequence
from . import attributes
from .benchmark import Benchmark, Loaders
from .files import folders, images, official_list, read_true_boxes

ABSENT = {"full_occlusion.txt": "FOC", "out_of_view.txt": "OV"}


def find_lasot(root: Path) -> Loaders:
    """A loader for each of the 280 test sequences."""
    rows = official_list("lasot_test") if folders(root) else []
    return {
        f"{category}-{number}": partial(_load, root, category, f"{category}-{number}")
        for category, *numbers in rows
        for number in numbers
    }


def _load(root: Path, category: str, name: str) -> Sequence:
    places = (root / category / name, root / name)
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise InputError("its folder is missing")
    boxes = from_one_indexed(read_true_boxes(folder / "groundtruth.txt"))
    absent = _absent(folder, len(boxes))
    boxes[absent] = np.nan
    return check_sequence(
        Sequence(name, images(folder / "img"), boxes, attributes=_attributes(root, folder))
    )


def _absent(folder: Path, count: int) -> NDArray[np.bool_]:
    """The frames without a target, never the first."""
    absent = np.zeros(count, dtype=bool)
    for file in ABSENT:
        if (folder / file).is_file():
            flags = read_text(folder / file).replace(",", " ").split()
            if len(flags) != count:
                raise InputError(f"{folder / file} has {len(flags)} flags for {count} boxes")
            try:
                absent |= np.array([float(flag) > 0 for flag in flags], dtype=bool)
            except ValueError:
                raise InputError(f"{folder / file} has a flag that is no number") from None
    absent[:1] = False
    return absent


def _attributes(root: Path, folder: Path) -> tuple[str, ...]:
    toolkit = attributes.flagged(root / "att" / f"{folder.name}.txt", attributes.LASOT)
    own = [name for file, name in ABSENT.items() if attributes.ever(folder / file)]
    return toolkit or tuple(own)


LASOT = Benchmark(
    split="test",
    layout="<root>/<category>/<category>-<N>/img/*.jpg and groundtruth.txt beside img",
    find=find_lasot,
)
