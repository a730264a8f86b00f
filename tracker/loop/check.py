"""Checks of what a tracker is made from, so that a wrong argument gives one line that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rbsf.errors import InputError

from .config import TrackerConfig

if TYPE_CHECKING:
    from rbsf.embedder import Embedder


def checked_embedder(embedder: Embedder) -> Embedder:
    """The embedder itself.

    Raises:
        InputError: The argument cannot be called, or lacks the gain and bias of its responses.
    """
    parts = "response_gain", "response_bias"
    if not callable(embedder) or not all(hasattr(embedder, part) for part in parts):
        kind = type(embedder).__name__
        raise InputError(f"an embedder comes from rbsf.load_embedder(), not from a {kind}")
    return embedder


def checked_config(config: TrackerConfig | None) -> TrackerConfig:
    """The settings, or the defaults for None.

    Raises:
        InputError: The argument is neither.
    """
    if config is None:
        return TrackerConfig()
    if not isinstance(config, TrackerConfig):
        kind = type(config).__name__
        raise InputError(f"config must be a TrackerConfig or None, not {kind}: TrackerConfig(...)")
    return config
