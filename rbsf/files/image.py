"""Reads still images; nothing else in the project does.

Images are decoded from memory, and `cv2.imread` is not used. It silently fills the missing part of
a truncated JPEG with grey, and on some systems it cannot open names with letters beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from rbsf.geometry import Frame

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
"""The suffixes by which images are found in a folder."""


def read_image(file: Path, *, as_stored: bool = False) -> Frame | None:
    """Reads an image as BGR uint8, HxWx3. Gives None if it is missing or cannot be decoded.

    A device or a pipe is no image, whatever its name, and nor is a file whose header claims more
    pixels than OpenCV or the memory can take.

    Args:
        file: The image's path.
        as_stored: Whether the rotation that a camera wrote into the file is ignored. Benchmarks
            need that, because their boxes refer to the pixels as they are stored.
    """
    rotation = cv2.IMREAD_IGNORE_ORIENTATION if as_stored else 0
    return _decode(file, cv2.IMREAD_COLOR | rotation)


def image_size(file: Path) -> tuple[int, int] | None:
    """Reads the (width, height) of an image, to within 8 pixels, at an eighth of the usual cost.

    Gives None if the file is missing or cannot be decoded.
    """
    small = _decode(file, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return None if small is None else (8 * small.shape[1], 8 * small.shape[0])


def _decode(file: Path, flags: int) -> Frame | None:
    try:
        if not file.is_file():
            return None
        data = np.fromfile(file, dtype=np.uint8)
        if not data.size:
            return None
        with quiet_opencv():
            return cv2.imdecode(data, flags)  # type: ignore[return-value]
    except (OSError, ValueError, MemoryError, cv2.error):
        return None


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Silences OpenCV's own messages about bad input. Ours name the frame."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
