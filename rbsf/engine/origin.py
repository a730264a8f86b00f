"""Where an embedder comes from, so that it can be pickled.

An embedder holds what cannot be pickled: compiled kernels, threads, a runtime's graph. So it is
pickled as a call that loads the same file with the same settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rbsf.errors import InputError

Origin = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function that loads the embedder, and its arguments."""


R = TypeVar("R", bound="Reloadable")


class Reloadable:
    """The base of every engine's embedder.

    It is pickled by its origin. A copy of a tracker shares the embedder with the original.
    """

    name: str
    origin: Origin | None = None
    """How to load the embedder again; None if it was made from a network in memory."""

    def __reduce__(self) -> Origin:
        """What pickle stores.

        Raises:
            InputError: The embedder was made from a network in memory.
        """
        if self.origin is None:
            raise InputError(
                f"network {self.name!r} was made from a network in memory and cannot be pickled: "
                "save the network to a file, and load that with rbsf.load_embedder"
            )
        return self.origin

    def __copy__(self: R) -> R:
        return self

    def __deepcopy__(self: R, memo: dict[int, Any]) -> R:
        return self
