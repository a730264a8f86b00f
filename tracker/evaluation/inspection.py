"""A look at the images of a data set before hours are spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from rbsf.files.image import read_image

from .datasets import Dataset
from .sequence import LeftOut, Sequence


def damaged_sequences(
    dataset: Dataset, decode: bool, on_sequence: Callable[[Sequence], None] | None = None
) -> Iterator[LeftOut]:
    """Those of the sequences that can run which have an image that cannot be read.

    Args:
        dataset: What is looked at.
        decode: Whether every image is decoded. Otherwise it is enough that each has some bytes.
        on_sequence: Called after each sequence, for a progress bar.
    """
    for sequence in dataset.sequences:
        bad = [path for path in sequence.frames if _is_damaged(path, decode)]
        if bad:
            count = f"{len(bad)} of {len(sequence.frames)} images"
            yield LeftOut(sequence.name, f"{count} are empty or damaged, the first is {bad[0]}")
        if on_sequence:
            on_sequence(sequence)


def _is_damaged(path: Path, decode: bool) -> bool:
    if decode:
        return read_image(path, as_stored=True) is None
    try:
        return not path.stat().st_size
    except OSError:
        return True
