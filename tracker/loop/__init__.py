"""The tracker loop: where a target is in the next frame, how surely, and where to look for it."""

from .config import TrackerConfig
from .group import TrackerGroup
from .tracker import SiamFCTracker, Track

__all__ = ["SiamFCTracker", "Track", "TrackerConfig", "TrackerGroup"]
