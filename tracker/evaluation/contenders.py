"""The trackers that an evaluation compares, each with what identifies it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import rbsf
from rbsf.embedder import Engine, Network
from rbsf.errors import InputError
from rbsf.files.names import plain_name

from ..loop.box_tracker import BoxTracker
from ..loop.check import AnyConfig, read_config
from ..loop.siamfc_tracker import SiamFCTracker
from ..loop.tracker import Tracker
from .code import code_hash
from .runner import MakeTracker


@dataclass(frozen=True)
class Contender:
    """A tracker to evaluate.

    Attributes:
        name: The name of its folder and of its line in tables.
        engine: What runs it.
        weights_sha256: The hash of its network's file, or of its files one after the other, or None
            where it has none.
        config: Every setting that its boxes depend on.
        make: Gives a fresh tracker. It can be pickled, and loads the network once a process.
        kernels: The engine's kernel path. It is no part of its identity, since all give the same
            bits.
        code: The hash of the code that its boxes depend on.
    """

    name: str
    engine: str
    weights_sha256: str | None
    config: dict[str, Any]
    make: MakeTracker
    kernels: str = ""
    code: str = field(default_factory=code_hash)

    @property
    def identity(self) -> dict[str, Any]:
        """What its boxes follow from, besides the frames and the code."""
        return {
            "engine": self.engine,
            "weights_sha256": self.weights_sha256,
            "config": self.config,
        }


def our_contenders(
    weights: Sequence[Path],
    engine: Engine = "auto",
    threads: int | None = None,
    config_file: Path | None = None,
) -> list[Contender]:
    """One tracker for each weights file, or the shipped one where there is none.

    A network with a box head gets the box tracker, and any other one the SiamFC tracker.

    Raises:
        InputError: The weights or the settings cannot be read.
    """
    files = list(dict.fromkeys(weights))
    if not files:
        return [_contender(None, engine, threads, config_file)]
    named = zip(_names(files), files, strict=True)
    return [
        replace(_contender(path, engine, threads, config_file), name=name) for name, path in named
    ]


def check_names(contenders: Iterable[Contender]) -> list[Contender]:
    """The same contenders, if no two write to one folder.

    Raises:
        InputError: Two have the same name, or a name is none for a folder: the weights `...rbsf`
            would make a tracker called `..`.
    """
    named: dict[str, Contender] = {}
    for contender in contenders:
        plain_name(contender.name, "a tracker")
        if contender.name in named:
            raise InputError(f"two trackers are called {contender.name}: rename one of the files")
        named[contender.name] = contender
    return list(named.values())


NAMES: tuple[Callable[[Path], str], ...] = (
    lambda path: path.stem,
    lambda path: f"{path.resolve().parent.name}-{path.stem}",
    lambda path: path.name,
    lambda path: f"{path.resolve().parent.name}-{path.name}",
    lambda path: "-".join(path.resolve().with_suffix("").parts[1:]) + path.suffix,
)
"""How a weights file may be called, from short to certain."""


def _names(files: list[Path]) -> list[str]:
    """A name for each file. Those of one stem are told apart by folder, by suffix, or by both."""
    stems = Counter(path.stem for path in files)
    names = {}
    for stem, count in stems.items():
        group = [path for path in files if path.stem == stem]
        name = next((n for n in NAMES if len({n(path) for path in group}) == count), NAMES[-1])
        names.update({path: name(path) for path in group})
    return [names[path] for path in files]


def _contender(
    weights: Path | None, engine: Engine, threads: int | None, config_file: Path | None
) -> Contender:
    network = _network(weights, engine, threads)
    config = read_config(network, config_file)
    return Contender(
        name=network.name,
        engine=network.engine,
        weights_sha256=network.weights_sha256,
        config=config.model_dump(mode="json"),
        make=partial(_make, weights, engine, threads, config),
        kernels=network.path,
    )


def _make(
    weights: Path | None, engine: Engine, threads: int | None, config: AnyConfig
) -> BoxTracker | SiamFCTracker:
    return Tracker(_network(weights, engine, threads), config).tracker


@cache
def _network(weights: Path | None, engine: Engine, threads: int | None) -> Network:
    return rbsf.load_embedder(weights, engine=engine, threads=threads)
