"""`open_source` opens a video file, a folder of images, a camera or a network stream.

source = open_source("clip.mp4")
for frame in source:
    frame.index, frame.time_s, frame.image
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import cv2

from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES, quiet_opencv, read_image

from .address import file_of
from .files import open_video
from .live import newest
from .source import Source, SourceFault, VideoFrame

__all__ = ["Source", "SourceFault", "VideoFrame", "natural_key", "open_source"]

FOLDER_RATE = 30.0
"""The frames per second that a folder of images is assumed to have."""
TIMEOUT_S = 10.0
"""The seconds that a camera or a stream may stay silent."""


def open_source(
    name: str | Path, start: int = 0, timeout: float = TIMEOUT_S, live: bool | None = None
) -> Source:
    """Opens a source of frames, whichever kind `name` stands for.

    Args:
        name: A video file, a folder of images (read in natural order), a camera's number ("0"), an
            RTSP or HTTP address, or "-" for a video on standard input.
        start: The first frame that is wanted. Frames keep the numbers they have in the source.
        timeout: The seconds that a camera or a stream may stay silent.
        live: Whether frames that come while the last one is in use are skipped, so that tracking
            never falls behind. None skips them for cameras and live streams, and reads files whole,
            also those that a server sends.

    Raises:
        InputError: The source is missing, cannot be read, is empty, or ends before `start`.
    """
    text = str(name)
    if start < 0:
        raise InputError(f"the start frame must be 0 or more, not {start}")
    camera = re.fullmatch(r"(?:/dev/video)?(\d+)", text)
    if camera:
        return _open_camera(int(camera[1]), start, timeout, live is not False)
    if file_of(text).is_dir():
        return _open_folder(file_of(text), start)
    return open_video(text, start, timeout, live)


# ---------------------------------------------------------------------------- folders of images


def _open_folder(folder: Path, start: int) -> Source:
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES]
    except OSError as error:
        raise InputError(f"cannot read folder {folder}: {error.strerror}") from None
    files = sorted(found, key=natural_key)
    if not files:
        raise InputError(f"folder {folder} holds no images ({' '.join(IMAGE_SUFFIXES)})")
    if start >= len(files):
        raise InputError(
            f"{folder} has {len(files)} images: start frame {start} is past the last one"
        )
    return Source(str(folder), _read_folder(files, start), len(files))


def natural_key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    """A key that sorts 2.jpg before 10.jpg: digits compare as numbers, the rest as text."""
    parts = re.findall(r"\d+|\D+", file.name.lower())
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
    return key, file.name


def _read_folder(files: list[Path], start: int) -> Iterator[VideoFrame]:
    for index in range(start, len(files)):
        image = read_image(files[index])
        fault = f"frame {index} ({files[index]}) cannot be read" if image is None else None
        yield VideoFrame(index, index / FOLDER_RATE, image, fault)


# -------------------------------------------------------------------------------------- cameras


def _open_camera(number: int, start: int, timeout: float, live: bool) -> Source:
    with quiet_opencv():
        capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise InputError(
            f"camera {number} cannot be opened: is it connected, free, and allowed for this user?"
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    name = f"camera {number}"
    frames = _read_camera(capture, name, start)
    return Source(name, newest(frames, name, timeout, whole=not live), live=live)


def _read_camera(capture: cv2.VideoCapture, name: str, start: int) -> Generator[VideoFrame]:
    index, began = 0, 0.0
    try:
        while True:
            try:
                grabbed, image = capture.read()
            except cv2.error:  # as some drivers have it when a camera is unplugged
                grabbed, image = False, None
            now = time.monotonic()
            began = began or now
            if not grabbed or image is None or not image.size:
                raise SourceFault(f"{name} stopped at frame {index}: was it unplugged?")
            if index >= start:
                yield VideoFrame(index, now - began, image)  # type: ignore[arg-type]
            index += 1
    finally:
        capture.release()
