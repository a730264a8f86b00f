"""RB-SF: a visual object tracker whose network is 1 bit wide.

    import rbsf

    tracker = rbsf.Tracker(rbsf.load_embedder())
    tracker.init(frame, (x, y, w, h))
    box, score, lost = tracker.update(next_frame)

`rbsf.TrackerGroup` follows several targets, and `rbsf.OpenCVTracker` has the interface of OpenCV's
own trackers.
"""

from __future__ import annotations

import importlib
from typing import Any

from rbsf.embedder import Embedder, load_embedder, load_siamfc
from rbsf.errors import InputError
from rbsf.geometry import Box

__version__ = "0.1.0"

_TRACKING = (
    "Tracker",
    "TrackerGroup",
    "TrackerConfig",
    "BoxTrackerConfig",
    "OpenCVTracker",
)
"""What `rbsf` passes on from the package `tracker`."""

__all__ = [
    "Box",
    "Embedder",
    "InputError",
    "__version__",
    "load_embedder",
    "load_siamfc",
    *_TRACKING,
]


def __getattr__(name: str) -> Any:
    """Imports the trackers when they are first used, so that `rbsf` never depends on `tracker`."""
    if name in _TRACKING:
        return getattr(importlib.import_module("rbsf.tracking"), name)
    raise AttributeError(f"module 'rbsf' has no attribute {name!r}")
