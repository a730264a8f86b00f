"""RB-SF: a visual object tracker whose network is 1 bit wide.

import rbsf

tracker = rbsf.Tracker(rbsf.load_embedder())
tracker.init(frame, (x, y, w, h))
box, score, lost = tracker.update(next_frame)
"""

from __future__ import annotations

import importlib
from typing import Any

from rbsf.embedder import Embedder, load_embedder
from rbsf.errors import InputError
from rbsf.geometry import Box

__version__ = "0.1.0"

_TRACKING = {
    "Tracker": "SiamFCTracker",
    "TrackerGroup": "TrackerGroup",
    "TrackerConfig": "TrackerConfig",
}
"""What `rbsf` passes on from the package `tracker`, by the name it has there."""

__all__ = ["Box", "Embedder", "InputError", "__version__", "load_embedder", *_TRACKING]


def __getattr__(name: str) -> Any:
    """Finds the trackers on first use, so that the network never depends on what uses it."""
    if name in _TRACKING:
        return getattr(importlib.import_module("rbsf.tracking"), _TRACKING[name])
    raise AttributeError(f"module 'rbsf' has no attribute {name!r}")
