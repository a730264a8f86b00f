"""The tracker loop: where a target is in the next frame, how sure that is, and where to look on."""

from .config import TrackerConfig
from .group import TrackerGroup
from .opencv import OpenCVTracker
from .tracker import SiamFCTracker, Track

__all__ = ["OpenCVTracker", "SiamFCTracker", "Track", "TrackerConfig", "TrackerGroup"]
