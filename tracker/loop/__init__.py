"""The tracker loop: where a target is in the next frame, how sure that is, and where to look on."""

from .box_config import BoxTrackerConfig
from .box_tracker import BoxTracker
from .config import TrackerConfig
from .group import TrackerGroup
from .opencv import OpenCVTracker
from .siamfc_tracker import SiamFCTracker
from .target import Track
from .tracker import Tracker

__all__ = [
    "BoxTracker",
    "BoxTrackerConfig",
    "OpenCVTracker",
    "SiamFCTracker",
    "Track",
    "Tracker",
    "TrackerConfig",
    "TrackerGroup",
]
