"""The sources of training images: sequences in GOT-10k layout, and still images.

A source lists its targets. Each is one object, with its boxes in one or several images; a target in
a single image is paired with itself. Only annotation files are decoded here.
"""

from __future__ import annotations

import hashlib
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings
from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES, image_size
from rbsf.files.names import plain_name
from rbsf.files.text import read_numbers, read_text
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
    """The name of the sequence or image. An object of a VOC annotation is called
    annotation/number/class."""
    images: list[Path]
    boxes: NDArray[np.float64]
    """The boxes x, y, w, h, (n, 4), in pixels, 0-indexed."""
    cover: NDArray[np.float64]
    """How much of the object is visible, (n,), from 0 to 8 as GOT-10k has it."""
    frames: NDArray[np.int64]
    """The numbers of the images in their sequence, (n,)."""

    @property
    def is_still(self) -> bool:
        """Whether there is a single image, which is then paired with itself."""
        return len(self.images) == 1

    def thinned(self, count: int, max_gap: int) -> Target:
        """Keeps `count` images that are spread evenly over the sequence, and all of a shorter one.

        In a long sequence they would lie so far apart that few of them made pairs. So more are kept
        there, until two neighbours are at most a tenth of `max_gap` apart.

        Args:
            count: How many images are kept.
            max_gap: The two frames of a pair are closer than this.
        """
        last, spacing = len(self.images) - 1, max(1, max_gap // 10)
        count = max(count, -(-last // spacing) + 1)
        if count > last:
            return self
        kept = np.linspace(0, last, count).round().astype(np.int64)
        images = [self.images[i] for i in kept]
        return Target(self.name, images, self.boxes[kept], self.cover[kept], self.frames[kept])


def read_source(source: SourceSettings, root: Path) -> list[Target]:
    """Lists the targets of a source.

    Args:
        source: The source.
        root: The folder that the source's path starts from.

    Raises:
        InputError: The folder does not exist, cannot be read, has another layout, or holds no
            target.
    """
    readers = {"got10k": _read_got10k, "voc": _read_voc, "folder": _read_folder}
    with _reading(root / source.path):
        folder = _folder(source, root)
        targets = list(readers[source.kind](folder, source.subset))
    if not targets:
        raise InputError(f"{folder} holds no target in {source.kind} layout: the split is empty")
    return targets


def source_stamp(source: SourceSettings, root: Path) -> str:
    """Tells cheaply whether a source has changed: a hash of names, sizes and times of change.

    It covers the list, the annotations and the folders of images. So it changes when an annotation
    is edited, or when an image is added, removed or renamed, but not when an image of a sequence or
    of a VOC folder is overwritten in place. It does not change when the whole folder is moved.

    Args:
        source: The source.
        root: The folder that the source's path starts from.

    Raises:
        InputError: The folder does not exist or cannot be read.
    """
    with _reading(root / source.path):
        folder = _folder(source, root)
        stamped = list(_stamped_files(source, folder))
    digest = hashlib.sha256()
    for path in stamped:
        try:
            state = path.stat()
            seen = f"{state.st_mtime_ns} {0 if S_ISDIR(state.st_mode) else state.st_size}"
        except OSError:
            seen = "missing"
        digest.update(f"{path.relative_to(folder)} {seen}\n".encode())
    return digest.hexdigest()


def count_sequences(source: SourceSettings, root: Path) -> int:
    """How many sequences a source lists: 0 if it has still images, or if there is no list.

    Raises:
        InputError: The list cannot be read.
    """
    listing = root / source.path / source.subset / "list.txt"
    with _reading(listing):
        return len(_listed(listing)) if source.kind == "got10k" and listing.is_file() else 0


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Reports in one line what cannot be read at or below a path."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot read {error.filename or path}: {error.strerror}") from None


def _folder(source: SourceSettings, root: Path) -> Path:
    folder = root / source.path
    if not folder.is_dir():
        raise InputError(
            f"no data at {folder}: correct `data.root` ({root}) or the `path` of the source "
            f"({source.path})"
        )
    return folder


def _listed(listing: Path) -> list[str]:
    return [plain_name(name, "a sequence") for name in read_text(listing).split()]


def _stamped_files(source: SourceSettings, folder: Path) -> Iterator[Path]:
    """The files and folders whose changes `source_stamp` notices."""
    if source.kind == "folder":
        yield from _images(folder)
    elif source.kind == "voc":
        yield folder / "JPEGImages"
        yield from sorted((folder / "Annotations").glob("*.xml"))
    else:
        listing = folder / source.subset / "list.txt"
        yield listing
        for name in _listed(listing) if listing.is_file() else []:
            sequence = folder / source.subset / name
            yield from (sequence, sequence / "groundtruth.txt", sequence / "cover.label")


def _images(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)


def _read_got10k(folder: Path, subset: str) -> Iterator[Target]:
    """Reads the sequences that SUBSET/list.txt names; cover.label is optional.

    The boxes in the files are 1-indexed.
    """
    listing = folder / subset / "list.txt"
    if not listing.is_file():
        raise InputError(f"{folder} has no {subset}/list.txt: it is not in GOT-10k layout")
    names = _listed(listing)
    missing = [n for n in names if not (folder / subset / n / "groundtruth.txt").is_file()]
    if missing:
        raise InputError(
            f"{listing} names {len(missing)} sequences that are missing: "
            f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}; remove their lines"
        )
    for name in names:
        sequence = folder / subset / name
        images = [path for path in sorted(sequence.glob("*.jpg")) if path.name[0] != "."]
        boxes = read_numbers(sequence / "groundtruth.txt", 4)
        label = sequence / "cover.label"
        cover = read_numbers(label, 1)[:, 0] if label.is_file() else np.full(len(images), 8.0)
        if not len(images) == len(boxes) == len(cover):
            raise InputError(
                f"{sequence}: groundtruth.txt and cover.label need one line for each image"
            )
        if images:
            yield Target(name, images, from_one_indexed(boxes), cover, np.arange(len(images)))


def _read_voc(folder: Path, _: str) -> Iterator[Target]:
    """Reads every annotated object. VOC's boxes are corners, 1-indexed and inclusive."""
    for annotation in sorted((folder / "Annotations").glob("*.xml")):
        if not annotation.is_file():  # to read from a pipe would take for ever
            raise InputError(f"{annotation} is no file: remove it")
        try:
            tree = ElementTree.parse(annotation)
            objects = list(tree.iter("object"))
            corners = [
                [float(o.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")]
                for o in objects
            ]
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise InputError(f"{annotation} is not a VOC annotation: {error}") from None
        name = tree.findtext("filename") or f"{annotation.stem}.jpg"
        for index, (left, top, right, bottom) in enumerate(corners):
            box = np.array([[left - 1, top - 1, right - left + 1, bottom - top + 1]])
            label = objects[index].findtext("name", "")
            image = folder / "JPEGImages" / name
            yield _still(f"{annotation.stem}/{index}/{label}", image, box)


def _read_folder(folder: Path, _: str) -> Iterator[Target]:
    """Lists images without boxes. Each gets a box near its centre that depends on its name only."""
    for image in _images(folder):
        width, height = image_size(image) or (1, 1)
        yield _still(image.name, image, _central_box(image.name, width, height))


def _still(name: str, image: Path, box: NDArray[np.float64]) -> Target:
    """A fully visible target in a single image, with its box (1, 4)."""
    return Target(name, [image], box, np.array([8.0]), np.array([0]))


def _central_box(name: str, width: int, height: int) -> NDArray[np.float64]:
    """Draws a box (1, 4) of 0.25 to 0.5 of each side, centred in the middle third of the image."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    draw = random.Random(seed).uniform
    w, h = draw(0.25, 0.5) * width, draw(0.25, 0.5) * height
    return np.array([[draw(1, 2) / 3 * width - w / 2, draw(1, 2) / 3 * height - h / 2, w, h]])
