"""The index of a crop cache: what `CachedTarget` needs of every target of a source, in one file.

With it a training starts in seconds. Without it every sequence would be listed, every annotation
parsed and every file of crops opened.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from rbsf.data.crops import DAMAGED, ROWS, CachedTarget
from rbsf.files.atomic import write_bytes


class Index(NamedTuple):
    """The content of an index."""

    stamp: str
    """The `source_stamp` of the source when its images were looked at."""
    targets: list[CachedTarget]
    """The targets in the order of the source. One whose images are all damaged has no rows."""
    damaged: list[str]
    """The names of the images that cannot be decoded."""


def save_index(file: Path, index: Index) -> None:
    """Writes an index. The files of crops must lie in its folder.

    Raises:
        InputError: The file cannot be written.
    """
    targets = index.targets
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(target, name) for target in targets]) for name in ROWS
    }
    arrays["counts"] = np.array([len(target.boxes) for target in targets])
    arrays["stills"] = np.array([target.is_still for target in targets])
    arrays["bytes"] = np.array([target.file.stat().st_size for target in targets])
    lists = {
        "names": [target.name for target in targets],
        "files": [target.file.name for target in targets],
        "damaged": index.damaged,
    }
    metadata = {"stamp": index.stamp} | {key: json.dumps(value) for key, value in lists.items()}
    write_bytes(file, save(arrays, metadata))


def load_index(file: Path, stamp: str) -> Index | None:
    """Reads an index.

    Args:
        file: The index.
        stamp: The present `source_stamp` of the source.

    Returns:
        The index. None if there is none or it is damaged, if the source has changed since, or if a
        file of crops is missing or has another size than it had.
    """
    try:
        return _read(file, stamp)
    except DAMAGED:
        return None


def _read(file: Path, stamp: str) -> Index | None:
    with safe_open(file, "np") as stored:
        metadata = stored.metadata()
        arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    files = json.loads(metadata["files"])
    with os.scandir(file.parent) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in entries}
    if metadata["stamp"] != stamp or [sizes.get(f) for f in files] != arrays["bytes"].tolist():
        return None
    ends = np.cumsum(arrays["counts"])[:-1]
    columns = [np.split(arrays[name], ends) for name in ROWS]
    lists = (json.loads(metadata["names"]), files, arrays["stills"].tolist())
    targets = [
        CachedTarget(
            name, file.with_name(crops), **dict(zip(ROWS, rows, strict=True)), is_still=still
        )
        for name, crops, still, *rows in zip(*lists, *columns, strict=True)
    ]
    return Index(stamp, targets, json.loads(metadata["damaged"]))
