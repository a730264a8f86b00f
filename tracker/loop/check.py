"""Checks of what a tracker is made from, so that a wrong argument gives one line that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from rbsf.config import Settings, load_settings
from rbsf.engine.box_answer import has_box_head
from rbsf.errors import InputError

from .box_config import BoxTrackerConfig
from .config import TrackerConfig

if TYPE_CHECKING:
    from rbsf.embedder import Embedder, Network
    from rbsf.engine.box_answer import BoxNetwork

AnyConfig: TypeAlias = TrackerConfig | BoxTrackerConfig
"""The settings of a tracker, for a network without or with a box head."""

C = TypeVar("C", bound=Settings)


def read_config(network: Network, file: Path | None) -> AnyConfig:
    """The settings for a network's tracker: those of a YAML file, or the defaults for None.

    Raises:
        InputError: The file cannot be read, or it holds a setting that this tracker does not have.
    """
    kind: type[AnyConfig] = BoxTrackerConfig if has_box_head(network) else TrackerConfig
    return load_settings(kind, file) if file else kind()


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


def checked_box_network(network: BoxNetwork) -> BoxNetwork:
    """The network itself.

    Raises:
        InputError: The argument is no network with a box head.
    """
    if not has_box_head(cast("Network", network)):
        kind = type(network).__name__
        raise InputError(
            f"a network with a box head comes from rbsf.load_embedder(), not from a {kind}"
        )
    return network


def checked_config(config: C | None, kind: type[C]) -> C:
    """The settings, or the defaults for None.

    Args:
        config: The settings.
        kind: Their class.

    Raises:
        InputError: The argument is neither of that class nor None.
    """
    if config is None:
        return kind()
    if not isinstance(config, kind):
        given, wanted = type(config).__name__, kind.__name__
        raise InputError(f"config must be a {wanted} or None, not {given}: {wanted}(...)")
    return config
