"""OTB's layout: `<Sequence>/img/*.jpg` and `<Sequence>/groundtruth_rect[.N].txt`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rbsf.geometry import from_one_indexed

from ..sequence import Sequence, check_sequence
from . import attributes
from .benchmark import Benchmark, Loaders
from .files import folders, frame_number, images, is_empty, read_true_boxes

RANGES = {
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "Tiger1": (6, 354),
}
"""The first and last numbers of the image files that a sequence's boxes are of.

These are OTB's own, and used where a folder holds more images than boxes. Tiger1 is downloaded with
354 boxes for its 354 images. OTB's MATLAB toolbox starts it at image 6 all the same, but the got10k
toolkit, and with it most published figures, at image 1. Here it is as the files have it.
"""


def find_otb(root: Path) -> Loaders:
    """Every sequence under an OTB root. A folder with N annotated targets is N sequences."""
    found = folders(root)
    taken = {folder.name for folder in found}
    return dict(loader for folder in found for loader in _targets(folder, taken))


def load_otb(name: str, folder: Path, annotation: Path) -> Sequence:
    """One target of a folder.

    Raises:
        InputError: Images and boxes do not agree, or the annotation cannot be read.
    """
    boxes = from_one_indexed(read_true_boxes(annotation))
    below = folder / "img"
    frames = images(below if below.is_dir() else folder)
    if len(frames) > len(boxes):
        frames = _within_range(folder.name, frames)
    return check_sequence(Sequence(name, frames, boxes, attributes=_attributes(name, folder)))


def _targets(folder: Path, taken: set[str]) -> Iterator[tuple[str, Callable[[], Sequence]]]:
    """A name and a loader for each target of a folder.

    The second target of `B` is `B.2`. Where a folder has the name of a target, it is `B.target2`.
    """
    found = sorted(folder.glob("groundtruth*.txt"))
    annotations = [path for path in found if not _is_blank(path)]  # one of Human4's is
    if len(annotations) > 1:
        numbers = range(1, len(annotations) + 1)
        stems = (f"{folder.name}.{'target' * times}" for times in itertools.count())
        stem = next(stem for stem in stems if not {f"{stem}{n}" for n in numbers} & taken)
        for number, path in zip(numbers, annotations, strict=True):
            yield f"{stem}{number}", partial(load_otb, f"{stem}{number}", folder, path)
    elif found or (folder / "img").is_dir() or is_empty(folder):
        path = (annotations or found or [folder / "groundtruth_rect.txt"])[0]
        yield folder.name, partial(load_otb, folder.name, folder, path)


def _is_blank(path: Path) -> bool:
    try:
        return not path.read_bytes().strip()
    except OSError:
        return False  # what is wrong is said when it is loaded


def _within_range(folder: str, frames: tuple[Path, ...]) -> tuple[Path, ...]:
    ranges = {name.casefold(): limits for name, limits in RANGES.items()}
    if folder.casefold() not in ranges:
        return frames
    first, last = ranges[folder.casefold()]
    return tuple(path for path in frames if first <= frame_number(path) <= last)


def _attributes(name: str, folder: Path) -> tuple[str, ...]:
    """From `attrs.txt` in the folder, or from the toolbox's `anno/att/` beside the folder."""
    toolbox = folder.parent / "anno" / "att" / f"{name.casefold().replace('.', '-')}.txt"
    return attributes.listed(folder / "attrs.txt") or attributes.flagged(toolbox, attributes.OTB)


OTB = Benchmark(
    split="every sequence found",
    layout="<root>/<Sequence>/img/*.jpg and <root>/<Sequence>/groundtruth_rect.txt",
    find=find_otb,
)
