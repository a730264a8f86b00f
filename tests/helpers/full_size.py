"""Rehearses a full run: makes a set of GOT-10k's size of tiny pictures, and feeds a stand-in GPU.

The pictures are few and have many names each (hard links), because what a full run costs at its
start is looking at 1.4 million names in 9,335 folders.

    python tests/helpers/full_size.py make FOLDER
    python tests/helpers/full_size.py feed FOLDER --config configs/rbsf.yaml --workers 4

`feed` trains nothing: its steps wait, as long as a GPU's step takes. It prints how many pairs come
per second, and how much of the time the steps waited for them.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import cv2
import numpy as np

SEQUENCES, FRAMES = 9335, 150
NAMES = 10_000
"""The names of a picture. A file system allows some 65,000."""


def make(folder: Path, sequences: int, frames: int, size: tuple[int, int]) -> None:
    """Writes FOLDER/got10k/train. The boxes go to the left and back."""
    train = folder / "got10k" / "train"
    pictures, names = train.parent / "pictures", []
    pictures.mkdir(parents=True)
    for number in range(sequences):
        name = f"GOT-10k_Train_{number + 1:06d}"
        names.append(name)
        (train / name).mkdir(parents=True)
        for frame in range(frames):
            picture = pictures / f"{(number * frames + frame) // NAMES}.jpg"
            if not picture.exists():
                cv2.imwrite(str(picture), noise(int(picture.stem), size))
            os.link(picture, train / name / f"{frame + 1:08d}.jpg")
        left = size[0] / 3 + abs(np.arange(frames) % 100 - 50) * size[0] / 400
        rows = [f"{x:.4f},{size[1] / 3:.4f},{size[0] / 5},{size[1] / 4}" for x in left]
        (train / name / "groundtruth.txt").write_text("\n".join(rows) + "\n")
        (train / name / "cover.label").write_text("8\n" * frames)
    (train / "list.txt").write_text("\n".join(names) + "\n")


def noise(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A picture of soft clouds, BGR, of a (width, height)."""
    small = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)


def feed(folder: Path, config: Path, cache: Path, workers: int, step: float, batches: int) -> None:
    """Times the loader of a run while each step waits for `step` seconds."""
    from rbsf.data import open_pairs
    from rbsf.train.distributed import open_world
    from rbsf.train.feed import Feed
    from rbsf.train.run import override
    from rbsf.train.settings import StudentSettings

    settings = override(StudentSettings, config, folder, cache)
    started = time.perf_counter()
    dataset = open_pairs(settings.data, settings.seed)
    print(f"opened in {time.perf_counter() - started:.1f} s: {len(dataset):,} pairs an epoch")
    with open_world("cpu") as world:
        one = Feed(dataset, settings.batch, batches + 1, world, workers)
        loader = one.batches(0, 0)
        next(loader)
        started, waited = time.perf_counter(), 0.0
        for _ in range(batches):
            asked = time.perf_counter()
            next(loader)
            waited += time.perf_counter() - asked
            time.sleep(step)
        taken = time.perf_counter() - started
    pairs = batches * settings.batch / taken
    print(f"{pairs:.0f} pairs/s with {workers} workers and steps of {1000 * step:g} ms; "
          f"waited {waited / taken:.0%} of the time")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["make", "feed"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--size", type=int, nargs=2, default=(160, 90))
    parser.add_argument("--config", type=Path, default=Path("configs/rbsf.yaml"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--step-ms", type=float, default=5)
    parser.add_argument("--batches", type=int, default=40)
    words = parser.parse_args()
    if words.what == "make":
        make(words.folder, words.sequences, words.frames, tuple(words.size))
    else:
        step = words.step_ms / 1000
        feed(words.folder, words.config, words.cache, words.workers, step, words.batches)


if __name__ == "__main__":
    main()
