"""Folders of tiny pictures: each class has a colour of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (40, 200, 60), "red": (200, 40, 60)}


def write_pictures(root: Path, each: int = 4, side: int = 16) -> Path:
    """Writes `each` training pictures of every class, and half as many of the test."""
    draw = np.random.default_rng(0)
    for split, count in (("train", each), ("test", each // 2)):
        for name, colour in COLOURS.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                noise = draw.integers(-30, 31, (side, side, 3))
                pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root
