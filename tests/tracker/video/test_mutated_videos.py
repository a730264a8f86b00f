"""Mutated videos are read as far as they go, or refused in one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from clip_files import flat, write_clip

from rbsf.errors import InputError
from tracker.video.open import open_source

CLIPS = {
    "a.mp4": ("libx264", "yuv420p"),
    "a.mkv": ("libx264", "yuv420p"),
    "a.avi": ("mpeg4", "yuv420p"),
    "a.ts": ("libx264", "yuv420p"),
    "a.webm": ("libvpx-vp9", "yuv420p"),
    "b.webm": ("libvpx", "yuv420p"),
    "b.avi": ("mjpeg", "yuvj420p"),
}


def attack_with_videos(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` mutated clips of several formats. Returns what was mishandled."""
    draw, mishandled = random.Random(seed), []
    images = [flat(index) for index in range(16)]
    clips = {
        name: write_clip(folder / name, images, *how, gop=6).read_bytes()
        for name, how in CLIPS.items()
    }
    for number in range(count):
        name = draw.choice(list(clips))
        file = folder / f"mutated_{name}"
        file.write_bytes(_mutated(clips[name], draw))
        indices = []
        try:
            for frame in open_source(file):
                indices.append(frame.index)
                if (frame.image is None) > (frame.fault is not None):
                    mishandled.append(f"{number} {name}: a frame is missing without a word")
        except InputError as error:
            if "\n" in str(error):
                mishandled.append(f"{number} {name}: {error}")
        except Exception as error:
            mishandled.append(f"{number} {name}: {error!r}")
        if indices != list(range(len(indices))):
            mishandled.append(f"{number} {name}: {indices}")
    return mishandled


def _mutated(data: bytes, draw: random.Random) -> bytes:
    """The bytes with some of them changed, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(draw.randrange(1, 9)):
        start, size = draw.randrange(len(changed)), draw.randrange(1, 300)
        how = draw.randrange(5)
        if how == 0:
            changed[start : start + size] = draw.randbytes(size)
        elif how == 1:
            changed[start] = draw.randrange(256)
        elif how == 2:
            del changed[start : start + size]
        elif how == 3:
            changed[start:start] = changed[start : start + size]
        elif draw.random() < 0.2 and start:
            del changed[start:]
    return bytes(changed)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_videos_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    assert attack_with_videos(tmp_path, count=40, seed=seed) == []
