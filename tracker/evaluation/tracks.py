"""The annotated tracks of a training's sources: those that it holds out, and the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rbsf.errors import InputError

from .datasets import Dataset
from .readers.got10k import find_got10k
from .sequence import Sequence

if TYPE_CHECKING:
    from rbsf.data import DataSettings


def held_out_tracks(data: DataSettings) -> list[Sequence]:
    """Reads the tracks that a training leaves out, of all its sources in GOT-10k's layout.

    Args:
        data: The settings of the training's data. Their `hold_out` says how many are left out.

    Raises:
        InputError: None is left out, or a source has no list of sequences.
    """
    roots = [
        Path(data.root) / source.path
        for source in data.sources
        if source.kind == "got10k" and source.subset == "train"
    ]
    if not data.hold_out or not roots:
        raise InputError("the training holds out no tracks: set data.hold_out to 8")
    return [s for root in roots for s in tracks_of(root, data.hold_out)]


def tracks_of(root: Path, every: int = 1) -> list[Sequence]:
    """Reads every so many-th sequence of a GOT-10k train split, beginning with the first.

    Sequences that are missing or damaged are skipped. A name begins with that of the root, because
    two sources may have sequences of the same name.

    Args:
        root: The folder above `train`.
        every: The distance between two sequences in the list.

    Raises:
        InputError: There is no list of sequences.
    """
    loaders = list(find_got10k("train", root).values())
    if not loaders:
        raise InputError(f"there is no train/list.txt in {root}")
    found = []
    for load in loaders[::every]:
        try:
            sequence = load()
        except InputError:
            continue
        found.append(replace(sequence, name=f"{root.resolve().name}-{sequence.name}"))
    return found


def as_dataset(tracks: Iterable[Sequence], root: Path) -> Dataset:
    """Makes a data set of tracks, as the runner takes it."""
    sequences = tuple(tracks)
    return Dataset(
        name="tracks",
        split="train",
        root=str(root),
        frame_weighted=False,
        scored=True,
        listed=len(sequences),
        sequences=sequences,
    )
