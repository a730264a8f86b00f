"""The crop cache: makes the crops of a source that are still missing, and opens all of them.

A source has a folder in the cache, with a file of crops for each target (crops.py) and an index
(cache_index.py). One process at a time works in such a folder. A build that was killed goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rbsf.console import console, progress_bar
from rbsf.cores import usable_cores
from rbsf.data.cache_index import Index, load_index, save_index
from rbsf.data.crops import (
    CachedTarget,
    CropSettings,
    crop_file_name,
    crop_jpeg,
    read_rows,
    write_crops,
)
from rbsf.data.sources import SourceSettings, Target, read_source, source_stamp
from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, remove_remains
from rbsf.files.image import read_image
from rbsf.files.lock import one_at_a_time
from rbsf.geometry import Box

SAMPLES = 16
"""The number of crops that are made to estimate how large all of them will be."""


class CachedSource(NamedTuple):
    """A source whose crops are made."""

    targets: list[CachedTarget]
    """The targets that have a crop, in the order of the source."""
    digest: str
    """A hash that changes with any image, box or setting that decides a crop."""
    remarks: list[str]
    """What a user should know about the source, in lines to print."""


def open_cache(
    source: SourceSettings,
    root: Path,
    cache: Path,
    settings: CropSettings,
    max_gap: int,
    *,
    look: bool = False,
) -> CachedSource:
    """Opens the crops of a source, and first makes those that are missing, on all cores.

    If another process is at work on the same crops, this one waits until they are made.

    Args:
        source: The source.
        root: The folder that the source's path starts from.
        cache: The folder of the cache. Crops of other settings or other images can be in it too;
            they are never mixed up, because their files have other names.
        settings: How crops are cut, and of which frames.
        max_gap: The two frames of a pair are closer than this. Kept frames are close enough for it.
        look: Whether each image is looked at even if the index is up to date by `source_stamp`.
            That notices images that were overwritten in place.

    Raises:
        InputError: The source cannot be read, none of its images can be decoded, or the cache
            cannot be written or has no room on its disk.
    """
    folder = cache / f"{source.kind}-{source.path.replace('/', '-')}-{source.subset}"
    file = folder / _index_name(source, settings, max_gap)
    make_folder(folder)
    index = None if look else load_index(file, source_stamp(source, root))
    if index is None:
        with one_at_a_time(folder, f"makes the crops of {source.path}"):
            stamp = source_stamp(source, root)
            index = None if look else load_index(file, stamp)
            if index is None:
                console.print(f"{source.path}: looking at its annotations and images", markup=False)
                targets = read_source(source, root)
                if settings.frames:
                    targets = [target.thinned(settings.frames, max_gap) for target in targets]
                index = _look_at(targets, folder, settings, source.path, stamp)
                save_index(file, index)
    return _opened(index, source.path)


def _index_name(source: SourceSettings, settings: CropSettings, max_gap: int) -> str:
    parts = (source.path, settings.model_dump_json(), max_gap if settings.frames else None)
    return f"index.{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}.safetensors"


def _look_at(
    targets: list[Target], folder: Path, settings: CropSettings, name: str, stamp: str
) -> Index:
    """Looks at each image and each file of crops, and makes what is missing."""
    remove_remains(folder)
    with _all_cores() as pool:
        names = pool.map(lambda target: crop_file_name(target, settings), targets)
        files = [folder / file for file in names]
        rows = list(pool.map(read_rows, files))
        todo = {f: t for f, t, row in zip(files, targets, rows, strict=True) if row is None}
        if todo:
            _announce(todo, folder, settings, name)
            _make(todo, settings, name, pool)
            rows = list(pool.map(read_rows, files))
    opened, damaged = [], []
    for target, file, row in zip(targets, files, rows, strict=True):
        assert row is not None, f"{file} was written a moment ago"
        opened.append(CachedTarget(target.name, file, **row[0], is_still=target.is_still))
        damaged += row[1]
    return Index(stamp, opened, damaged)


@contextmanager
def _all_cores() -> Iterator[ThreadPoolExecutor]:
    """Gives a thread for each core. Decoding and cutting leave Python's lock alone.

    Ctrl-C waits for the targets at work, and not for all that are queued.
    """
    pool = ThreadPoolExecutor(usable_cores())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _announce(todo: dict[Path, Target], folder: Path, settings: CropSettings, name: str) -> None:
    """Says how many crops will be made, and how large they will be, and checks that they fit."""
    crops = sum(len(target.images) for target in todo.values())
    needed = crops * _mean_crop_size(list(todo.values()), settings)
    free = shutil.disk_usage(folder).free
    console.print(
        f"{name}: making {crops:,} crops of {len(todo):,} targets, about {_gigabytes(needed)} in "
        f"{folder} ({_gigabytes(free)} are free)",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    if needed > free:
        raise InputError(
            f"the crops of {name} need about {_gigabytes(needed)}, but the disk of {folder} has "
            f"only {_gigabytes(free)}: set data.cache to another disk, or lower data.crop.frames"
        )


def _mean_crop_size(targets: list[Target], settings: CropSettings) -> float:
    """Estimates the bytes of a crop from the middle frames of some targets."""
    sizes = []
    for target in targets[:: max(1, len(targets) // SAMPLES)][:SAMPLES]:
        middle = len(target.images) // 2
        frame, box = read_image(target.images[middle]), Box(*target.boxes[middle])
        if frame is not None and np.isfinite(box).all() and box.w > 0 and box.h > 0:
            sizes.append(len(crop_jpeg(frame, box, settings)))
    return float(np.mean(sizes)) if sizes else 0.0


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def _make(
    todo: dict[Path, Target], settings: CropSettings, name: str, pool: ThreadPoolExecutor
) -> None:
    def make(file: Path) -> int:
        write_crops(todo[file], file, settings)
        return len(todo[file].images)

    with progress_bar() as bar:
        total = sum(len(target.images) for target in todo.values())
        task = bar.add_task(f"crops of {name}", total=total, note="")
        for made in pool.map(make, todo):
            bar.advance(task, made)


def _opened(index: Index, name: str) -> CachedSource:
    targets = [target for target in index.targets if len(target.boxes)]
    if not targets:
        raise InputError(f"{name}: none of its images can be decoded")
    files = "\n".join(target.file.name for target in index.targets)
    remarks = []
    if index.damaged:
        shown = ", ".join(index.damaged[:10]) + (" ..." if len(index.damaged) > 10 else "")
        remarks.append(f"{name}: {len(index.damaged)} damaged images skipped: {shown}")
    return CachedSource(targets, hashlib.sha256(files.encode()).hexdigest(), remarks)
