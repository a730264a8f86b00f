"""The one reader of still images.

Images are decoded from memory. `cv2.imread` fills what a truncated JPEG lacks with grey and says
nothing, and on some systems it does not find names with letters beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from rbsf.geometry import Frame

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
"""The kinds of image that a folder is searched for."""


def read_image(file: Path, *, as_stored: bool = False) -> Frame | None:
    """A whole image as BGR uint8 HxWx3, or None where there is none that can be decoded.

    Args:
        file: The image's path.
        as_stored: Ignore the rotation that a camera wrote into the file, as benchmarks do: their
            boxes refer to the pixels as they are stored.
    """
    rotation = cv2.IMREAD_IGNORE_ORIENTATION if as_stored else 0
    return _decode(file, cv2.IMREAD_COLOR | rotation)


def image_size(file: Path) -> tuple[int, int] | None:
    """About the (width, height) of an image, to 8 pixels, read at an eighth of the cost."""
    small = _decode(file, cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return None if small is None else (8 * small.shape[1], 8 * small.shape[0])


def _decode(file: Path, flags: int) -> Frame | None:
    try:
        data = np.fromfile(file, dtype=np.uint8)
    except OSError:
        return None
    if not data.size:
        return None
    with quiet_opencv():
        return cv2.imdecode(data, flags)  # type: ignore[return-value]


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Silences what OpenCV prints about bad input; our own messages name the frame."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
