"""Benchmarks on disk: sequences of frames with true boxes, read as the benchmarks lay them out.

Layouts and protocols are those of the got10k toolkit (OTB, GOT-10k). Its readers are not used here
because they download what is missing and die without a name on what is broken: ours run on partial
sets, list what is missing, and name the file that cannot be read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.geometry import from_one_indexed

Boxes = NDArray[np.float64]


class IncompleteSequence(InputError):
    """A sequence whose images or boxes are not all there: a partial set runs without it."""


@dataclass(frozen=True)
class Sequence:
    """One target to follow.

    Attributes:
        frames: N image files.
        boxes: N x 4, 0-indexed; a row of NaN where the target is absent or, in GOT-10k, invisible.
            The first row is a box.
        bounds: (width, height) to which boxes are cut before they are scored, or None where the
            protocol does not.
    """

    name: str
    frames: tuple[Path, ...]
    boxes: Boxes
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True)
class Dataset:
    """The sequences to evaluate, with what a table must say about them.

    Attributes:
        frame_weighted: whether the benchmark's own averages are over frames, not sequences.
        listed: how many sequences the root has or should have.
        missing: one line for each sequence that is left out, naming it and the reason.
    """

    name: str
    split: str
    protocol: str
    frame_weighted: bool
    listed: int
    sequences: tuple[Sequence, ...]
    missing: tuple[str, ...] = ()

    def first_frames(self, count: int) -> Dataset:
        """The same set with sequences cut to their first `count` frames.

        Raises:
            InputError: fewer than 2 frames, or no sequence is left.
        """
        if count < 2:
            raise InputError(f"at least 2 frames are needed to score a tracker, not {count}")
        sequences, missing = _load(
            partial(_checked, replace(s, frames=s.frames[:count], boxes=s.boxes[:count]))
            for s in self.sequences
        )
        if not sequences:
            raise InputError(f"no target is in sight after frame 1 in the first {count} frames")
        return replace(self, sequences=sequences, missing=self.missing + missing)


Loaders = Mapping[str, Callable[[], Sequence]]


class Benchmark(NamedTuple):
    """How one benchmark is found, named and scored."""

    split: str
    protocol: str
    frame_weighted: bool
    layout: str
    find: Callable[[Path], Loaders]


def load_dataset(name: str, root: str | Path, sequences: Iterable[str] | None = None) -> Dataset:
    """A benchmark, or some of its sequences.

    Args:
        name: one of `BENCHMARKS`.
        root: its folder.
        sequences: names of those wanted; all by default.

    Raises:
        InputError: an unknown benchmark or sequence, nothing of that layout under the root, a
            broken annotation file, or an incomplete sequence that was asked for by name.
    """
    if name not in BENCHMARKS:
        raise InputError(f"unknown dataset {name}; known: {', '.join(BENCHMARKS)}")
    root = Path(root)
    loaders = BENCHMARKS[name].find(root)
    if not loaders:
        raise InputError(f"no {name} sequence under {root}: expected {BENCHMARKS[name].layout}")
    if sequences is not None:
        chosen = _choose(sequences, loaders, root)
        return _dataset(name, loaders, tuple(load() for load in chosen), ())
    complete, missing = _load(loaders.values())
    if not complete:
        raise InputError(f"no complete {name} sequence under {root}: {missing[0]}")
    return _dataset(name, loaders, complete, missing)


def _dataset(
    name: str, loaders: Loaders, complete: tuple[Sequence, ...], missing: tuple[str, ...]
) -> Dataset:
    benchmark = BENCHMARKS[name]
    return Dataset(
        name=name,
        split=benchmark.split,
        protocol=benchmark.protocol,
        frame_weighted=benchmark.frame_weighted,
        listed=len(loaders),
        sequences=complete,
        missing=missing,
    )


def _choose(names: Iterable[str], loaders: Loaders, root: Path) -> list[Callable[[], Sequence]]:
    """The loaders of these sequences, each once."""
    chosen = dict.fromkeys(names)
    for name in chosen:
        if name not in loaders:
            near = difflib.get_close_matches(name, loaders, n=3) or list(loaders)[:8]
            raise InputError(f"no sequence {name} under {root}; there is {', '.join(near)}")
    return [loaders[name] for name in chosen]


def _load(
    loaders: Iterable[Callable[[], Sequence]],
) -> tuple[tuple[Sequence, ...], tuple[str, ...]]:
    """The sequences that are complete, and a line for each that is not."""
    complete, missing = [], []
    for load in loaders:
        try:
            complete.append(load())
        except IncompleteSequence as problem:
            missing.append(str(problem))
    return tuple(complete), tuple(missing)


# OTB: <Sequence>/img/*.jpg and <Sequence>/groundtruth_rect[.N].txt

OTB_CUTS = {
    "David": slice(299, 770),
    "Football1": slice(0, 74),
    "Freeman3": slice(0, 460),
    "Freeman4": slice(0, 283),
    "Diving": slice(0, 215),
}
"""Sequences whose boxes cover only a part of their images (OTB's own list, 0-indexed here)."""


def find_otb(root: Path) -> dict[str, Callable[[], Sequence]]:
    """Every sequence under an OTB root; a folder with N annotated targets is N sequences."""
    loaders: dict[str, Callable[[], Sequence]] = {}
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for folder in folders:
        found = sorted(folder.glob("groundtruth*.txt"))
        annotations = [path for path in found if _read_text(path).strip()]  # Human4: one is empty
        if len(annotations) > 1:
            for target, path in enumerate(annotations, start=1):
                name = f"{folder.name}.{target}"
                loaders[name] = partial(_load_otb, name, folder, path)
        elif annotations or found or (folder / "img").is_dir():
            path = annotations[0] if annotations else folder / "groundtruth_rect.txt"
            loaders[folder.name] = partial(_load_otb, folder.name, folder, path)
    return loaders


def _load_otb(name: str, folder: Path, annotation: Path) -> Sequence:
    boxes = from_one_indexed(_read_rows(annotation, name))
    frames = _images(folder / "img")
    if folder.name in OTB_CUTS and len(frames) > len(boxes):
        frames = frames[OTB_CUTS[folder.name]]
    return _checked(Sequence(name, frames, boxes))


# GOT-10k: val/list.txt, val/<sequence>/{groundtruth.txt, cover.label, meta_info.ini, %08d.jpg}


def find_got10k_val(root: Path) -> dict[str, Callable[[], Sequence]]:
    """The sequences of GOT-10k's val/list.txt; the root is the folder above val, or val itself."""
    split = root if root.resolve().name == "val" else root / "val"
    if not (split / "list.txt").is_file():
        return {}
    names = _read_text(split / "list.txt").split()
    return {name: partial(load_got10k_sequence, name, split / name) for name in names}


def load_got10k_sequence(name: str, folder: Path) -> Sequence:
    boxes = from_one_indexed(_read_rows(folder / "groundtruth.txt", name))
    cover = folder / "cover.label"
    if cover.is_file():  # how visible the target is, 0..8
        visible: NDArray[np.bool_] = _read_rows(cover, name, columns=1)[:, 0] > 0
        if len(visible) != len(boxes):
            raise IncompleteSequence(f"{name}: {len(visible)} cover labels, {len(boxes)} boxes")
        visible[:1] = True  # the tracker starts there
        boxes[~visible] = np.nan
    return _checked(Sequence(name, _images(folder), boxes, _resolution(folder)))


def _resolution(folder: Path) -> tuple[int, int] | None:
    """(width, height) as meta_info.ini has it; a user's own sequence without one is not cut."""
    meta = folder / "meta_info.ini"
    if not meta.is_file():
        return None
    found = re.search(r"^resolution: *\((\d+), *(\d+)\)", _read_text(meta), re.MULTILINE)
    if not found:
        raise InputError(f"{meta} has no line 'resolution: (width, height)'")
    return int(found[1]), int(found[2])


# What both share


def _checked(sequence: Sequence) -> Sequence:
    """The sequence, once its images and boxes agree and it has something to score."""
    name, frames, boxes = sequence.name, len(sequence.frames), sequence.boxes
    if frames != len(boxes) or not frames:
        raise IncompleteSequence(f"{name}: {frames} images for {len(boxes)} boxes")
    present = np.asarray(~np.isnan(boxes).any(axis=1))
    if not present[0]:
        raise IncompleteSequence(f"{name}: its first frame has no box")
    if not present[1:].any():
        raise IncompleteSequence(f"{name}: no frame after the first has a box")
    return sequence


def _images(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(p for p in folder.glob("*") if p.suffix.lower() in (".jpg", ".png")))


def _read_rows(path: Path, name: str, columns: int = 4) -> Boxes:
    """Rows of numbers between commas, tabs or spaces; a box without an area becomes NaN.

    OTB's own toolbox scores only rows whose numbers are positive; here the size alone decides.
    """
    if not path.is_file():
        raise IncompleteSequence(f"{name}: {path} is missing")
    rows = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append([float(value) for value in re.split(r"[,\s]+", line.strip(" ,\t"))])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != columns:
            raise InputError(f"{path} line {number}: {columns} numbers expected, not {line[:60]!r}")
    values = np.array(rows, dtype=np.float64).reshape(-1, columns)
    if columns == 4:
        values[~(np.isfinite(values).all(axis=1) & (values[:, 2:] > 0).all(axis=1))] = np.nan
    return values


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


BENCHMARKS: dict[str, Benchmark] = {
    "otb": Benchmark(
        split="every sequence found",
        protocol="OTB one-pass evaluation",
        frame_weighted=False,
        layout="<root>/<Sequence>/img/*.jpg and <root>/<Sequence>/groundtruth_rect.txt",
        find=find_otb,
    ),
    "got10k-val": Benchmark(
        split="val",
        protocol="GOT-10k one-pass evaluation, one run, boxes cut to the image",
        frame_weighted=True,
        layout="<root>/val/list.txt and <root>/val/<sequence>/groundtruth.txt",
        find=find_got10k_val,
    ),
}
"""The benchmarks by name; a new one is an entry here and a function that finds its sequences."""
