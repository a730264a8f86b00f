"""The network at work: one target or several, followed through a video."""

from tracker.config import TrackerConfig
from tracker.group import TrackerGroup
from tracker.tracker import SiamFCTracker, Track

__all__ = ["SiamFCTracker", "Track", "TrackerConfig", "TrackerGroup"]
