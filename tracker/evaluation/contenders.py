"""The trackers that an evaluation compares, each with what identifies it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import rbsf
from rbsf.config import load_settings
from rbsf.embedder import Embedder, Engine
from rbsf.errors import InputError

from ..loop.config import TrackerConfig
from ..loop.tracker import SiamFCTracker
from .runner import MakeTracker


@dataclass(frozen=True)
class Contender:
    """A tracker to evaluate.

    Attributes:
        name: of its folder and its line in tables.
        engine: what runs its network.
        weights_sha256: of its network's file, or None where it has none.
        config: every setting its boxes depend on.
        make: gives a fresh tracker; can be pickled, and loads the network once a process.
        kernels: the engine's kernel path; no part of its identity, since all give the same bits.
    """

    name: str
    engine: str
    weights_sha256: str | None
    config: dict[str, Any]
    make: MakeTracker
    kernels: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """What its boxes follow from, besides the frames."""
        return {
            "engine": self.engine,
            "weights_sha256": self.weights_sha256,
            "config": self.config,
        }


def siamfc_contenders(
    weights: Sequence[Path],
    engine: Engine = "auto",
    threads: int | None = None,
    config_file: Path | None = None,
) -> list[Contender]:
    """One SiamFC tracker for each weights file, or the shipped one where there is none.

    Files of the same name are told apart by their folder's.

    Raises:
        InputError: weights or settings that cannot be read, or two files that get one name.
    """
    config = load_settings(TrackerConfig, config_file) if config_file else TrackerConfig()
    stems = Counter(path.stem for path in weights)
    contenders = {}
    for path in weights or (None,):
        contender = _contender(path, engine, threads, config)
        if path is not None and stems[path.stem] > 1:
            folder = path.resolve().parent.name
            contender = replace(contender, name=f"{folder}-{contender.name}")
        if contender.name in contenders:
            raise InputError(
                f"several weights are called {contender.name}: rename one of the files"
            )
        contenders[contender.name] = contender
    return list(contenders.values())


def _contender(
    weights: Path | None, engine: Engine, threads: int | None, config: TrackerConfig
) -> Contender:
    embedder = _embedder(weights, engine, threads)
    return Contender(
        name=embedder.name,
        engine=embedder.engine,
        weights_sha256=embedder.weights_sha256,
        config=config.model_dump(mode="json"),
        make=partial(_make, weights, engine, threads, config),
        kernels=embedder.path,
    )


def _make(
    weights: Path | None, engine: Engine, threads: int | None, config: TrackerConfig
) -> SiamFCTracker:
    return SiamFCTracker(_embedder(weights, engine, threads), config)


@cache
def _embedder(weights: Path | None, engine: Engine, threads: int | None) -> Embedder:
    return rbsf.load_embedder(weights, engine=engine, threads=threads)
