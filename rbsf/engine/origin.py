"""Where an embedder comes from: it is pickled by its file and settings, and loaded again from them.

An embedder holds what cannot be pickled: compiled kernels, threads, a runtime's graph. A process
that receives one therefore loads the same file with the same settings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rbsf.embedder import Embedder, Engine, load_embedder
from rbsf.errors import InputError


class Origin(NamedTuple):
    """What `rbsf.load_embedder` was asked for."""

    weights: Path | None
    """The absolute path of the weights; None for the RB-SF that comes with the package."""
    engine: Engine
    threads: int | None


class Reloadable(Embedder):
    """The base of every engine's embedder.

    It is pickled by its origin. A copy of a tracker shares the embedder with the original.
    """

    origin: Origin | None = None
    """None for an embedder that was made from a network in memory."""

    def __reduce__(self) -> tuple[Callable[..., Embedder], tuple[Any, ...]]:
        """What pickle stores.

        Raises:
            InputError: The embedder was made from a network in memory.
        """
        if self.origin is None:
            raise InputError(
                f"embedder {self.name!r} was made from a network in memory and cannot be pickled: "
                "save the network to a file, and load that with rbsf.load_embedder"
            )
        return load_again, (*self.origin, self.weights_sha256)

    def __copy__(self) -> Reloadable:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Reloadable:
        return self


def load_again(
    weights: Path | None, engine: Engine, threads: int | None, weights_sha256: str
) -> Embedder:
    """Loads a pickled embedder.

    Args:
        weights: The file that it came from; None for the RB-SF that comes with the package.
        engine: The engine that was asked for.
        threads: How many threads were asked for.
        weights_sha256: The hash of the file when the embedder was pickled.

    Raises:
        InputError: As `rbsf.load_embedder`, or the file has changed since.
    """
    embedder = load_embedder(weights, engine, threads)
    if embedder.weights_sha256 != weights_sha256:
        file = weights or "the RB-SF of this installation"
        raise InputError(
            f"{file} is not the file from which the pickled embedder was loaded: its hash is "
            f"{embedder.weights_sha256[:12]}, not {weights_sha256[:12]}"
        )
    return embedder
