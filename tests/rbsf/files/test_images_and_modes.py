"""Images that are none, or claim too much, are left out; files get the mode of the umask."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rbsf.files.atomic import write_text
from rbsf.files.checkpoint import save_checkpoint
from rbsf.files.image import image_size, read_image
from tracker.video.open import open_source


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, with hardly any pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(3 * 1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 5)])
def test_a_header_that_claims_too_much_is_no_image(tmp_path: Path, size: tuple[int, int]) -> None:
    file = tmp_path / "huge.png"
    file.write_bytes(png(*size))
    assert read_image(file) is None and image_size(file) is None


def test_pipes_and_devices_are_no_images(tmp_path: Path) -> None:
    """A reader would wait for a pipe, and read a device without end."""
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "2.png").symlink_to("/dev/zero")
    (tmp_path / "3.png").mkdir()
    (tmp_path / "4.png").symlink_to(tmp_path / "4.png")
    for number in range(1, 5):
        assert read_image(tmp_path / f"{number}.png") is None


def test_such_frames_of_a_folder_are_named_and_passed(tmp_path: Path) -> None:
    for number in (0, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.zeros((8, 6, 3), np.uint8))
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(png(60_000, 60_000))
    frames = list(open_source(tmp_path))
    assert [frame.image is None for frame in frames] == [False, True, True, False]
    assert all(f"{n}.png) cannot be read" in str(frames[n].fault) for n in (1, 2))


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_get_the_mode_of_the_umask(tmp_path: Path, mask: int) -> None:
    former = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "text")
        save_checkpoint(tmp_path / "a.safetensors", {}, {"model": {"x": torch.ones(1)}})
    finally:
        os.umask(former)
    for name in ("a.txt", "a.safetensors"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~mask
