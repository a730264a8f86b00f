"""A benchmark on disk: the sequences that can run, and those that are left out with the reason."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rbsf.errors import InputError

from .protocols import Protocol
from .readers import BENCHMARKS
from .readers.benchmark import Benchmark, Loaders
from .sequence import LeftOut, Sequence, check_sequence

__all__ = ["BENCHMARKS", "Dataset", "LeftOut", "Sequence", "load_dataset"]

Load = Callable[[], Sequence]


@dataclass(frozen=True)
class Dataset:
    """The sequences to evaluate, with what a table must say about them.

    Attributes:
        name: The name of the benchmark, one of `BENCHMARKS`.
        split: Which part of the benchmark it is, in words.
        root: The folder it was read from, as it was given.
        frame_weighted: Whether the benchmark's own averages are over frames, not sequences.
        scored: Whether there are true boxes beyond the first.
        listed: The number of sequences that the benchmark lists.
        sequences: Those that can run.
        left_out: Those that cannot.
        protocol: How many times, and from where, a tracker runs on each sequence.
    """

    name: str
    split: str
    root: str
    frame_weighted: bool
    scored: bool
    listed: int
    sequences: tuple[Sequence, ...]
    left_out: tuple[LeftOut, ...] = ()
    protocol: Protocol = "ope"

    def first_frames(self, count: int) -> Dataset:
        """The same set with sequences cut to their first `count` frames.

        Raises:
            InputError: There would be fewer than 2 frames, or no sequence is left.
        """
        if count < 2:
            raise InputError(f"at least 2 frames are needed to score a tracker, not {count}")
        sequences, left_out = _load(
            {s.name: partial(_cut, s, count, self.scored) for s in self.sequences}
        )
        if not sequences:
            raise InputError(f"no target is in sight after frame 1 in the first {count} frames")
        return replace(self, sequences=sequences, left_out=self.left_out + left_out)

    def under(self, protocol: Protocol) -> Dataset:
        """The same set under another protocol.

        Raises:
            InputError: The protocol needs true boxes, and the benchmark keeps them to itself.
        """
        if protocol != "ope" and not self.scored:
            raise InputError(f"{self.name} has no public boxes, so it runs under ope alone")
        return replace(self, protocol=protocol)

    @property
    def size_text(self) -> str:
        """How much of the benchmark can run, as in "3 of 123 sequences"."""
        return f"{len(self.sequences)} of {self.listed} sequences"


def load_dataset(name: str, root: str | Path, sequences: Iterable[str] | None = None) -> Dataset:
    """A benchmark, or some of its sequences.

    Args:
        name: One of `BENCHMARKS`.
        root: The benchmark's folder.
        sequences: The names of those that are wanted. None takes all that can run, and lists those
            that are missing, short or damaged in `Dataset.left_out`.

    Raises:
        InputError: The benchmark or a sequence is unknown, nothing of its layout is under the root,
            or a sequence that was asked for by name is missing, short or damaged.
    """
    if name not in BENCHMARKS:
        raise InputError(f"unknown dataset {name}; known: {', '.join(BENCHMARKS)}")
    benchmark, root = BENCHMARKS[name], Path(root)
    loaders = _find(benchmark, root)
    if not loaders:
        raise InputError(f"no {name} sequence under {root}: {_looked_for(benchmark, root)}")
    wanted = loaders if sequences is None else _choose(sequences, loaders, root)
    complete, left_out = _load(wanted)
    if sequences is not None and left_out:
        raise InputError(f"{left_out[0]}")
    if not complete:
        looked_for = _looked_for(benchmark, root)
        raise InputError(f"no complete {name} sequence under {root}: {left_out[0]}; {looked_for}")
    return Dataset(
        name=name,
        split=benchmark.split,
        root=str(root),
        frame_weighted=benchmark.frame_weighted,
        scored=benchmark.scored,
        listed=len(loaders),
        sequences=complete,
        left_out=left_out,
    )


def _find(benchmark: Benchmark, root: Path) -> Loaders:
    try:
        return benchmark.find(root)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from None


def _choose(names: Iterable[str], loaders: Loaders, root: Path) -> Loaders:
    """The loaders of these sequences, each once."""
    chosen = dict.fromkeys(names)
    for name in chosen:
        if name not in loaders:
            near = difflib.get_close_matches(name, loaders, n=3) or list(loaders)[:8]
            raise InputError(f"no sequence {name} under {root}; there is {', '.join(near)}")
    return {name: loaders[name] for name in chosen}


def _load(loaders: Loaders) -> tuple[tuple[Sequence, ...], tuple[LeftOut, ...]]:
    """The sequences that are complete, and those that are not."""
    complete, left_out = [], []
    for name, load in loaders.items():
        try:
            complete.append(load())
        except InputError as problem:
            left_out.append(LeftOut(name, str(problem)))
        except OSError as error:
            left_out.append(LeftOut(name, f"cannot read {error.filename}: {error.strerror}"))
    return tuple(complete), tuple(left_out)


def _cut(sequence: Sequence, count: int, scored: bool) -> Sequence:
    shorter = replace(sequence, frames=sequence.frames[:count], boxes=sequence.boxes[:count])
    return check_sequence(shorter, scored=scored)


def _looked_for(benchmark: Benchmark, root: Path) -> str:
    """What was expected under a root, and what is there."""
    return f"expected {benchmark.layout}; found {_listing(root)}"


def _listing(root: Path, shown: int = 6) -> str:
    if not root.is_dir():
        return "a file" if root.exists() else "no such folder"
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in root.iterdir())
    more = [f"{len(names) - shown} more"] if len(names) > shown else []
    return ", ".join([*names[:shown], *more]) or "an empty folder"
