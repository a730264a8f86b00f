"""The network at work: one target or several, followed through a video."""

from .loop import SiamFCTracker, Track, TrackerConfig, TrackerGroup

__all__ = ["SiamFCTracker", "Track", "TrackerConfig", "TrackerGroup"]
