"""Small benchmarks on disk, and trackers whose figures are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from rbsf.geometry import Box

SIZE = (64, 48)
"""(width, height) of every image."""


def write_images(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    for name in names:
        (folder / name).write_bytes(data)


def write_otb(
    root: Path, name: str, targets: Sequence[np.ndarray], images: int, separator: str = ","
) -> Path:
    """A sequence of OTB; its boxes are 1-indexed and written as they are."""
    write_images(root / name / "img", [f"{number:04d}.jpg" for number in range(1, images + 1)])
    for target, boxes in enumerate(targets, start=1):
        suffix = f".{target}" if len(targets) > 1 else ""
        rows = [separator.join(f"{value:g}" for value in box) for box in boxes]
        path = root / name / f"groundtruth_rect{suffix}.txt"
        path.write_text("\n".join(rows) + "\n")
    return root / name


def write_got10k(root: Path, name: str, boxes: np.ndarray, cover: Sequence[int]) -> Path:
    """A sequence of GOT-10k's val split, added to its list."""
    folder = root / "val" / name
    write_images(folder, [f"{number:08d}.jpg" for number in range(1, len(boxes) + 1)])
    np.savetxt(folder / "groundtruth.txt", boxes, fmt="%.4f", delimiter=",")
    np.savetxt(folder / "cover.label", cover, fmt="%d")
    for label in ("absence", "cut_by_image"):
        np.savetxt(folder / f"{label}.label", np.zeros(len(boxes)), fmt="%d")
    (folder / "meta_info.ini").write_text(
        f"[METAINFO]\nurl: none\nresolution: ({SIZE[0]}, {SIZE[1]})"
    )
    with (root / "val" / "list.txt").open("a") as file:
        file.write(name + "\n")
    return folder


def write_got10k_test(root: Path, name: str, frames: int, first: Sequence[float]) -> Path:
    """A sequence of GOT-10k's test split, of which the first box alone is public."""
    folder = root / "test" / name
    write_images(folder, [f"{number:08d}.jpg" for number in range(1, frames + 1)])
    np.savetxt(folder / "groundtruth.txt", [first], fmt="%.4f", delimiter=",")
    with (root / "test" / "list.txt").open("a") as file:
        file.write(name + "\n")
    return folder


def write_uav123(root: Path, name: str, folder: str, first: int, boxes: np.ndarray) -> Path:
    """A sequence of UAV123: its boxes, and its frames from the number `first` on."""
    numbers = range(first, first + len(boxes))
    images = root / "data_seq" / "UAV123" / folder
    write_images(images, [f"{number:06d}.jpg" for number in numbers])
    annotation = root / "anno" / "UAV123" / f"{name}.txt"
    annotation.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(annotation, boxes, fmt="%g", delimiter=",")
    for other in ("a", "b"):  # the toolkit wants more than three entries at the root
        (root / other).mkdir(exist_ok=True)
    return images


def walk(count: int, seed: int = 0) -> np.ndarray:
    """1-indexed boxes that wander over the image and somewhat beyond; some digits are halves."""
    rng = np.random.default_rng(seed)
    corners = np.clip(np.cumsum(rng.integers(-4, 5, (count, 2)), axis=0) + 20, -5, 50)
    return np.hstack([corners, rng.integers(16, 40, (count, 2)) / 2]).astype(float)


class StandingTracker:
    """Says that the target stays where it was."""

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        self.box = Box(*box)

    def update(self, frame: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(box=self.box)


class DriftingTracker(StandingTracker):
    """Moves by a third of a pixel a frame, right and down, and grows: out of the image at last."""

    def update(self, frame: np.ndarray) -> SimpleNamespace:
        x, y, w, h = self.box
        self.box = Box(x + 1 / 3, y + 0.25, w + 0.125, h)
        return SimpleNamespace(box=self.box)
