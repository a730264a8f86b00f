"""Training data small enough for a test: a GOT-10k train split, a VOC folder, a plain folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Box

SIZE = (160, 120)
"""Width and height of every image."""

TARGET = (0, 0, 255)
"""BGR: of all that is drawn, targets alone are pure red."""

BOX = Box(60, 40, 32, 24)
"""Of every target's first image; in a sequence it goes right by 2 pixels a frame."""


def image(box: Box = BOX, seed: int = 0) -> NDArray[np.uint8]:
    """Soft grey-green clouds with a red rectangle in the box."""
    width, height = SIZE
    noise = np.random.default_rng(seed).integers(60, 190, (height // 8, width // 8, 1))
    clouds = cv2.resize(np.repeat(noise, 3, axis=2).astype(np.uint8), SIZE)
    clouds[..., 1] += 30
    x, y, w, h = (round(value) for value in box)
    clouds[y : y + h, x : x + w] = TARGET
    return clouds  # type: ignore[return-value]


def write_got10k(root: Path, sequences: int = 2, frames: int = 3, subset: str = "train") -> Path:
    """`root/got10k` with one split, boxes 1-indexed as its annotations have them."""
    folder = root / "got10k" / subset
    for number in range(sequences):
        sequence = folder / f"seq{number}"
        sequence.mkdir(parents=True)
        boxes = [Box(BOX.x + 2 * frame, *BOX[1:]) for frame in range(frames)]
        for frame, box in enumerate(boxes):
            cv2.imwrite(str(sequence / f"{frame + 1:08d}.jpg"), image(box, number))
        rows = [f"{b.x + 1:.4f},{b.y + 1:.4f},{b.w:.4f},{b.h:.4f}" for b in boxes]
        (sequence / "groundtruth.txt").write_text("\n".join(rows) + "\n")
        (sequence / "cover.label").write_text("8\n" * frames)
    (folder / "list.txt").write_text("".join(f"seq{n}\n" for n in range(sequences)))
    return root / "got10k"


def write_voc(root: Path, images: int = 2) -> Path:
    """`root/voc` with one object an image; corners are 1-indexed and inclusive."""
    folder = root / "voc"
    (folder / "Annotations").mkdir(parents=True)
    (folder / "JPEGImages").mkdir()
    corners = (BOX.x + 1, BOX.y + 1, BOX.x + BOX.w, BOX.y + BOX.h)
    tags = ("xmin", "ymin", "xmax", "ymax")
    box = "".join(f"<{tag}>{value:g}</{tag}>" for tag, value in zip(tags, corners, strict=True))
    for number in range(images):
        cv2.imwrite(str(folder / "JPEGImages" / f"photo{number}.jpg"), image(seed=number))
        (folder / "Annotations" / f"photo{number}.xml").write_text(
            f"<annotation><filename>photo{number}.jpg</filename>"
            f"<object><name>thing</name><bndbox>{box}</bndbox></object></annotation>"
        )
    return folder


def write_plain(root: Path, images: int = 3) -> Path:
    """`root/plain` with images and nothing else."""
    folder = root / "plain"
    folder.mkdir(parents=True)
    for number in range(images):
        cv2.imwrite(str(folder / f"photo{number}.png"), image(seed=number))
    return folder
