"""DTB70, drone tracking: `<Sequence>/img/*.jpg` and `<Sequence>/groundtruth_rect.txt`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from .benchmark import Benchmark, Loaders
from .files import folders, is_empty
from .otb import load_otb


def find_dtb70(root: Path) -> Loaders:
    """Every sequence that has images or boxes, or is empty."""
    return {
        folder.name: partial(load_otb, folder.name, folder, folder / "groundtruth_rect.txt")
        for folder in folders(root)
        if (folder / "img").is_dir()
        or (folder / "groundtruth_rect.txt").is_file()
        or is_empty(folder)
    }


DTB70 = Benchmark(
    split="every sequence found",
    layout="<root>/<Sequence>/img/*.jpg and <root>/<Sequence>/groundtruth_rect.txt",
    find=find_dtb70,
)
