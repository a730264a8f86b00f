"""The square crops of a target as JPEGs, in one safetensors file.

A crop shows the target at its centre, at the scale of SiamFC's training crops. It is a square of
side `size / 127 * s_z`, resampled to size x size, with s_z as `geometry.context_side` gives it.
Exemplar and search are both cut from such a crop, so an image is decoded in full once, and not in
every epoch.

A file is written whole or not at all. Its name changes with whatever decides its content.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rbsf.config import Settings
from rbsf.data.sources import Target
from rbsf.errors import InputError
from rbsf.files.atomic import write_bytes
from rbsf.files.image import read_image
from rbsf.geometry import Box, context_side, crop_square, mean_color
from rbsf.nn.siamfc import EXEMPLAR_SIZE

FORMAT = 2
"""The version of these files. A new one makes all crops anew."""


ROWS = ("boxes", "frame_sizes", "cover", "frames")
"""The arrays of a `CachedTarget` that have a row per crop, as they are named in the file."""
DAMAGED = (SafetensorError, OSError, ValueError, LookupError, TypeError, AttributeError)
"""The errors that reading a file raises if it is missing or damaged."""


class CropSettings(Settings):
    """How crops are cut. SiamFC's size is 255; more leaves room for larger shifts and stretches."""

    size: int = Field(255, ge=247, le=511, description="The side of a cached crop, in pixels.")
    context: float = Field(
        0.5, ge=0, le=1, description="The margin around the target, as a share of w + h."
    )
    jpeg_quality: int = Field(95, ge=50, le=100, description="The quality of the cached JPEGs.")
    frames: int | None = Field(
        None,
        ge=2,
        description="How many frames of each sequence are kept, spread evenly; long sequences keep "
        "more. null keeps all.",
    )


class CachedTarget(NamedTuple):
    """A target's crops on disk, with what the pair filter needs. Each array has a row per crop."""

    name: str
    file: Path
    boxes: NDArray[np.float32]
    """The boxes x, y, w, h in the frames, (n, 4)."""
    frame_sizes: NDArray[np.int64]
    """The widths and heights of the frames, (n, 2)."""
    cover: NDArray[np.float32]
    """How much of the target is visible, (n,), from 0 to 8 as GOT-10k has it."""
    frames: NDArray[np.int64]
    """The numbers of the frames in their sequence, (n,)."""
    is_still: bool
    """Whether the target is known from a single image."""

    def crop(self, index: int) -> NDArray[np.uint8]:
        """Reads the crop of a row: RGB uint8, size x size x 3.

        Raises:
            InputError: The file is missing or damaged.
        """
        try:
            with safe_open(self.file, "np") as stored:
                start, end = stored.get_slice("offsets")[index : index + 2]
                jpeg = stored.get_slice("jpegs")[int(start) : int(end)]
            bgr = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
            return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # type: ignore[arg-type, return-value]
        except (*DAMAGED, cv2.error) as error:
            raise InputError(
                f"cannot read crops from {self.file}: {error}; remove it, run rbsf cache, and "
                "resume"
            ) from None


def crop_file_name(target: Target, settings: CropSettings) -> str:
    """A file name that changes with the images, their boxes and the settings.

    Images count by their names and their sizes in bytes. Where they lie does not matter, so crops
    stay good when the data moves to another disk.
    """
    digest = hashlib.sha256(settings.model_dump_json(exclude={"frames"}).encode() + bytes([FORMAT]))
    digest.update(f"{target.name}\n".encode())
    for image in target.images:
        digest.update(f"{image.name} {_byte_size(image)}\n".encode())
    for numbers in (target.boxes, target.cover, target.frames):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in target.name)
    return f"{safe[:80]}.{digest.hexdigest()[:16]}.safetensors"


def _byte_size(image: Path) -> int:
    try:
        return image.stat().st_size
    except OSError:
        return -1


def write_crops(target: Target, file: Path, settings: CropSettings) -> None:
    """Makes the crops of a target. Images that cannot be decoded are listed in the file.

    Raises:
        InputError: The file cannot be written.
    """
    jpegs, kept, sizes, damaged = [], [], [], []
    for index, image in enumerate(target.images):
        frame = read_image(image)
        if frame is None:
            damaged.append(f"{image.parent.name}/{image.name}")
            continue
        box = Box(*target.boxes[index])
        if not (np.isfinite(box).all() and box.w > 0 and box.h > 0):
            continue
        jpegs.append(crop_jpeg(frame, box, settings))
        kept.append(index)
        sizes.append((frame.shape[1], frame.shape[0]))
    arrays: dict[str, NDArray[Any]] = {
        "jpegs": np.concatenate(jpegs) if jpegs else np.zeros(0, np.uint8),
        "offsets": np.cumsum([0] + [len(jpeg) for jpeg in jpegs], dtype=np.int64),
        "boxes": target.boxes[kept].astype(np.float32).reshape(-1, 4),
        "frame_sizes": np.array(sizes, dtype=np.int64).reshape(-1, 2),
        "cover": target.cover[kept].astype(np.float32),
        "frames": target.frames[kept],
    }
    write_bytes(file, save(arrays, {"damaged": json.dumps(damaged)}))


def read_rows(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]] | None:
    """Reads the arrays of `ROWS` by name, and the names of the images that cannot be decoded.

    Gives None if the file is missing or damaged.
    """
    try:
        with safe_open(file, "np") as stored:
            rows = {name: stored.get_tensor(name) for name in ROWS}
            return rows, json.loads(stored.metadata()["damaged"])
    except DAMAGED:
        return None


def crop_jpeg(frame: NDArray[np.uint8], box: Box, settings: CropSettings) -> NDArray[np.uint8]:
    """Cuts the crop around a box out of a frame (BGR uint8, HxWx3). Gives the bytes of its JPEG."""
    side = context_side(box.w, box.h, settings.context) * settings.size / EXEMPLAR_SIZE
    crop = crop_square(frame, box.center, side, settings.size, mean_color(frame))
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
    return cv2.imencode(".jpg", crop, quality)[1].ravel()
