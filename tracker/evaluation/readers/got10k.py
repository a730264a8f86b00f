"""GOT-10k: `<split>/list.txt` and `<split>/<sequence>/{groundtruth.txt, %08d.jpg}`.

The validation split also has `cover.label`, how visible the target is in each frame, and
`meta_info.ini` with the size of the images. The test split has the first box alone.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.files.names import plain_name
from rbsf.files.text import read_numbers, read_text
from rbsf.geometry import from_one_indexed

from ..sequence import Boxes, Sequence, check_sequence
from . import attributes
from .benchmark import Benchmark, Loaders
from .files import images, read_true_boxes


def find_got10k(split: str, root: Path) -> Loaders:
    """The sequences of a split's list. The root is the folder above the split, or the split."""
    folder = root if root.resolve().name == split else root / split
    if not (folder / "list.txt").is_file():
        return {}
    load = {"train": _load_scored, "val": _load_scored, "test": _load_test}[split]
    names = read_text(folder / "list.txt").splitlines()
    return {name: partial(load, folder, name) for name in map(str.strip, names) if name}


def _load_scored(split: Path, name: str) -> Sequence:
    folder = split / plain_name(name, "a sequence")
    boxes = from_one_indexed(read_true_boxes(folder / "groundtruth.txt"))
    boxes[~_visible(folder, len(boxes))] = np.nan
    return check_sequence(
        Sequence(name, images(folder), boxes, _resolution(folder), _attributes(folder))
    )


def _load_test(split: Path, name: str) -> Sequence:
    folder = split / plain_name(name, "a sequence")
    first = from_one_indexed(read_true_boxes(folder / "groundtruth.txt"))[:1]
    frames = images(folder)
    boxes: Boxes = np.full((len(frames), 4), np.nan)
    boxes[: len(first)] = first[: len(frames)]
    return check_sequence(Sequence(name, frames, boxes), scored=False)


def _visible(folder: Path, count: int) -> NDArray[np.bool_]:
    """Whether the target is visible in each frame. In the first, the tracker starts."""
    cover = folder / "cover.label"
    if not cover.is_file():
        return np.ones(count, dtype=bool)
    visible = np.asarray(read_numbers(cover, 1)[:, 0] > 0)
    if len(visible) != count:
        raise InputError(f"{len(visible)} cover labels, {count} boxes")
    visible[:1] = True
    return visible


def _resolution(folder: Path) -> tuple[int, int] | None:
    """The (width, height) in meta_info.ini. A user's own sequence without that file is not cut."""
    meta = folder / "meta_info.ini"
    if not meta.is_file():
        return None
    found = re.search(r"^resolution: *\((\d{1,9}), *(\d{1,9})\)", read_text(meta), re.MULTILINE)
    if not found:
        raise InputError(f"{meta} has no line 'resolution: (width, height)'")
    return int(found[1]), int(found[2])


def _attributes(folder: Path) -> tuple[str, ...]:
    names = ("absence", "cut_by_image")
    return tuple(name for name in names if attributes.ever(folder / f"{name}.label"))


GOT10K_VAL = Benchmark(
    split="val",
    layout="<root>/val/list.txt and <root>/val/<sequence>/groundtruth.txt",
    find=partial(find_got10k, "val"),
    frame_weighted=True,
)
GOT10K_TEST = Benchmark(
    split="test",
    layout="<root>/test/list.txt and <root>/test/<sequence>/groundtruth.txt",
    find=partial(find_got10k, "test"),
    frame_weighted=True,
    scored=False,
)
