"""The sources of training images: sequences in GOT-10k layout, and still images.

A source lists its targets. Each is one object, with its boxes in one or several images; a target in
a single image is paired with itself. Only annotation files are decoded here.
"""

from __future__ import annotations

import hashlib
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings
from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES, image_size
from rbsf.geometry import from_one_indexed


class SourceSettings(Settings):
    """One source of pairs.

    `kind` is the layout of its folder. "got10k" is the folder above `train/`. "voc" has
    `Annotations/*.xml` beside `JPEGImages/`. "folder" holds images without boxes, each of which is
    assumed to show one object near its centre.
    """

    kind: Literal["got10k", "voc", "folder"] = Field("got10k", description="The layout.")
    path: str = Field(".", description="The folder, below the root of the data.")
    subset: Literal["train", "val"] = Field("train", description="The split of a got10k source.")
    weight: float = Field(
        1.0, gt=0, description="Its share of the pairs, relative to the other sources."
    )


class Target(NamedTuple):
    """One object in one or several images."""

    name: str
    images: list[Path]
    boxes: NDArray[np.float64]
    """The boxes x, y, w, h, (n, 4), in pixels, 0-indexed."""
    cover: NDArray[np.float64]
    """How much of the object is visible, (n,), from 0 to 8 as GOT-10k has it."""

    @property
    def is_still(self) -> bool:
        """Whether there is a single image, which is then paired with itself."""
        return len(self.images) == 1


def read_source(source: SourceSettings, root: Path) -> list[Target]:
    """Lists the targets of a source.

    Args:
        source: The source.
        root: The folder that the source's path starts from.

    Raises:
        InputError: The folder does not exist, has another layout, or holds no target.
    """
    folder = root / source.path
    if not folder.is_dir():
        raise InputError(
            f"no data at {folder}: correct `data.root` ({root}) or the `path` of the source "
            f"({source.path})"
        )
    readers = {"got10k": _read_got10k, "voc": _read_voc, "folder": _read_folder}
    targets = list(readers[source.kind](folder, source.subset))
    if not targets:
        raise InputError(f"{folder} holds no target in {source.kind} layout: the split is empty")
    return targets


def _read_got10k(folder: Path, subset: str) -> Iterator[Target]:
    """Reads the sequences that SUBSET/list.txt names; cover.label is optional.

    The boxes in the files are 1-indexed.
    """
    from got10k.datasets import GOT10k

    if not (folder / subset / "list.txt").is_file():
        raise InputError(f"{folder} has no {subset}/list.txt: it is not in GOT-10k layout")
    missing = [
        name
        for name in (folder / subset / "list.txt").read_text().split()
        if not (folder / subset / name / "groundtruth.txt").is_file()
    ]
    if missing:
        raise InputError(
            f"{folder}/{subset}/list.txt names {len(missing)} sequences that are missing: "
            f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; remove their lines"
        )
    dataset = GOT10k(str(folder), subset)
    for name in filter(None, dataset.seq_names):
        try:
            images, boxes = dataset[name]
            label = folder / subset / name / "cover.label"
            cover = np.loadtxt(label, ndmin=1) if label.is_file() else np.full(len(images), 8.0)
            if len(cover) != len(images):
                raise ValueError
        except (AssertionError, ValueError, OSError):
            raise InputError(
                f"{folder / subset / name}: groundtruth.txt and cover.label need one line for "
                "each image"
            ) from None
        if len(images) > 0:
            yield Target(name, [Path(i) for i in images], from_one_indexed(boxes), cover)


def _read_voc(folder: Path, _: str) -> Iterator[Target]:
    """Reads every annotated object. VOC's boxes are corners, 1-indexed and inclusive."""
    for annotation in sorted((folder / "Annotations").glob("*.xml")):
        try:
            tree = ElementTree.parse(annotation)
            corners = [
                [float(box.findtext(key, "")) for key in ("xmin", "ymin", "xmax", "ymax")]
                for box in tree.iter("bndbox")
            ]
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"{annotation} is not a VOC annotation: {error}") from None
        name = tree.findtext("filename") or f"{annotation.stem}.jpg"
        for index, (left, top, right, bottom) in enumerate(corners):
            box = np.array([[left - 1, top - 1, right - left + 1, bottom - top + 1]])
            image = folder / "JPEGImages" / name
            yield Target(f"{annotation.stem}.{index}", [image], box, np.array([8.0]))


def _read_folder(folder: Path, _: str) -> Iterator[Target]:
    """Lists images without boxes. Each gets a box near its centre that depends on its name only."""
    for image in sorted(folder.iterdir()):
        if image.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        width, height = image_size(image) or (1, 1)
        yield Target(image.name, [image], _central_box(image.name, width, height), np.array([8.0]))


def _central_box(name: str, width: int, height: int) -> NDArray[np.float64]:
    """Draws a box (1, 4) of 0.25 to 0.5 of each side, centred in the middle third of the image."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    draw = random.Random(seed).uniform
    w, h = draw(0.25, 0.5) * width, draw(0.25, 0.5) * height
    return np.array([[draw(1, 2) / 3 * width - w / 2, draw(1, 2) / 3 * height - h / 2, w, h]])
