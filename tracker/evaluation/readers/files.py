"""What all readers read: lists of names, rows of numbers, and images in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES
from rbsf.files.text import read_numbers

from ..sequence import Boxes


def official_list(name: str) -> list[list[str]]:
    """The words of each line of a list that comes with the package."""
    text = (Path(__file__).parent / "lists" / f"{name}.txt").read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines()]


def read_true_boxes(path: Path) -> Boxes:
    """The annotated boxes (x, y, w, h) in a file, N x 4. One without a finite area becomes NaN.

    OTB's own toolbox scores only rows whose numbers are all positive. Here the size alone decides.

    Raises:
        InputError: The file cannot be read, or a line is not four numbers.
    """
    return without_areas_as_nan(read_numbers(path, 4))


def without_areas_as_nan(boxes: Boxes) -> Boxes:
    """Boxes (N x 4) with NaN in each row that is not finite or has no area."""
    present = np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
    return np.where(present[:, None], boxes, np.nan)


def images(folder: Path) -> tuple[Path, ...]:
    """The images of a folder in the order of their names, hidden files left aside."""
    return tuple(
        sorted(
            path
            for path in folder.glob("*")
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
        )
    )


def frame_number(image: Path) -> int:
    """The number in the name of an image file, or 0 where there is none."""
    return int(re.sub(r"\D", "", image.stem) or 0)


def numbered_images(folder: Path, numbers: Iterable[int], digits: int) -> tuple[Path, ...]:
    """The images of these numbers.

    Raises:
        InputError: One of them is missing.
    """
    wanted = [folder / f"{number:0{digits}d}.jpg" for number in numbers]
    there = {path.name for path in folder.glob("*")}
    absent = [path.name for path in wanted if path.name not in there]
    if absent:
        raise InputError(f"{len(absent)} of {len(wanted)} images are missing: {folder / absent[0]}")
    return tuple(wanted)


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing, or nothing that this user may see."""
    try:
        return not any(folder.iterdir())
    except OSError:
        return True


def folders(root: Path) -> list[Path]:
    """The folders below a root in the order of their names, hidden ones left aside."""
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))
