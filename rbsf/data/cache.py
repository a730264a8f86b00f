"""The crop cache: the square crops of every target as JPEGs, in one safetensors file per target.

A crop shows the target at its centre, at the scale of SiamFC's training crops. It is a square of
side `size / 127 * s_z`, resampled to size x size, with s_z as `geometry.context_side` gives it.
Exemplar and search are both cut from such a crop, so an image is decoded in full once, and not in
every epoch.

A cache file is written whole or not at all. A build that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from rbsf.config import Settings
from rbsf.console import console, progress_bar
from rbsf.data.sources import Target
from rbsf.errors import InputError
from rbsf.files.atomic import replacing
from rbsf.files.image import read_image
from rbsf.geometry import Box, context_side, crop_square, mean_color
from rbsf.nn.siamfc import EXEMPLAR_SIZE

FORMAT = 1
"""The version of the cache files. A new one makes all crops anew."""


class CropSettings(Settings):
    """How crops are cut. SiamFC's size is 255; more leaves room for larger shifts and stretches."""

    size: int = Field(255, ge=247, le=511, description="The side of a cached crop, in pixels.")
    context: float = Field(
        0.5, ge=0, le=1, description="The margin around the target, as a share of w + h."
    )
    jpeg_quality: int = Field(95, ge=50, le=100, description="The quality of the cached JPEGs.")


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
        """Reads the crop of a row: RGB uint8, size x size x 3."""
        with safe_open(self.file, "np") as stored:
            start, end = stored.get_slice("offsets")[index : index + 2]
            jpeg = stored.get_slice("jpegs")[int(start) : int(end)]
        bgr = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # type: ignore[arg-type, return-value]


def build_cache(
    targets: list[Target], folder: Path, settings: CropSettings, name: str
) -> list[CachedTarget]:
    """Makes the crops of a source that are still missing, with a progress bar, and opens all.

    Images that cannot be decoded are skipped. One line names them and says how many there are.

    Args:
        targets: The targets of one source.
        folder: The folder of the cache. Crops of other settings or other images can be in it too;
            they are never mixed up, because their files have other names.
        settings: How crops are cut.
        name: The name of the source, for the progress bar and messages.

    Raises:
        InputError: No image of the source can be decoded, or a cache file is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / _cache_name(target, settings) for target in targets]
    todo = {f: t for f, t in zip(files, targets, strict=True) if not f.exists()}
    if todo:
        with progress_bar() as bar, ThreadPoolExecutor(os.cpu_count()) as pool:
            task = bar.add_task(f"crops of {name}", total=len(todo), note="")
            for _ in pool.map(lambda file: _write_crops(todo[file], file, settings), todo):
                bar.advance(task)
    cached, damaged = [], []
    for target, file in zip(targets, files, strict=True):
        opened, bad = _open(target, file)
        damaged += bad
        if len(opened.boxes):
            cached.append(opened)
    if damaged:
        shown = ", ".join(damaged[:10]) + (" ..." if len(damaged) > 10 else "")
        console.print(f"{name}: {len(damaged)} damaged images skipped: {shown}", style="yellow")
    if not cached:
        raise InputError(f"{name}: none of its images can be decoded")
    return cached


def _cache_name(target: Target, settings: CropSettings) -> str:
    """A file name that changes with the images, their boxes and the settings."""
    digest = hashlib.sha256(settings.model_dump_json().encode() + bytes([FORMAT]))
    for image in target.images:
        digest.update(str(image.resolve()).encode())
    digest.update(np.ascontiguousarray(target.boxes).tobytes())
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in target.name)
    return f"{safe[:80]}.{digest.hexdigest()[:12]}.safetensors"


def _write_crops(target: Target, file: Path, settings: CropSettings) -> None:
    jpegs, kept, sizes, damaged = [], [], [], []
    for index, image in enumerate(target.images):
        frame = read_image(image)
        if frame is None:
            damaged.append(str(image))
            continue
        box = Box(*target.boxes[index])
        if not (np.isfinite(box).all() and box.w > 0 and box.h > 0):
            continue
        jpegs.append(_crop_jpeg(frame, box, settings))
        kept.append(index)
        sizes.append((frame.shape[1], frame.shape[0]))
    arrays: dict[str, NDArray[Any]] = {
        "jpegs": np.concatenate(jpegs) if jpegs else np.zeros(0, np.uint8),
        "offsets": np.cumsum([0] + [len(jpeg) for jpeg in jpegs], dtype=np.int64),
        "boxes": target.boxes[kept].astype(np.float32).reshape(-1, 4),
        "sizes": np.array(sizes, dtype=np.int64).reshape(-1, 2),
        "cover": target.cover[kept].astype(np.float32),
        "frames": np.array(kept, dtype=np.int64),
    }
    with replacing(file) as partial:
        save_file(arrays, partial, metadata={"damaged": json.dumps(damaged)})


def _crop_jpeg(frame: NDArray[np.uint8], box: Box, settings: CropSettings) -> NDArray[np.uint8]:
    side = context_side(box.w, box.h, settings.context) * settings.size / EXEMPLAR_SIZE
    crop = crop_square(frame, box.center, side, settings.size, mean_color(frame))
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
    return cv2.imencode(".jpg", crop, quality)[1].ravel()


def _open(target: Target, file: Path) -> tuple[CachedTarget, list[str]]:
    try:
        with safe_open(file, "np") as stored:
            rows = {key: stored.get_tensor(key) for key in ("boxes", "sizes", "cover", "frames")}
            damaged = json.loads(stored.metadata()["damaged"])
    except (SafetensorError, OSError) as error:
        raise InputError(f"the crop cache {file} is damaged; delete it: {error}") from None
    cached = CachedTarget(
        target.name,
        file,
        rows["boxes"],
        rows["sizes"],
        rows["cover"],
        rows["frames"],
        target.is_still,
    )
    return cached, damaged
