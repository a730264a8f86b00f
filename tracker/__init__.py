"""The network at work: one target or several, followed through a video."""

from .loop import OpenCVTracker, SiamFCTracker, Track, TrackerConfig, TrackerGroup

__all__ = ["OpenCVTracker", "SiamFCTracker", "Track", "TrackerConfig", "TrackerGroup"]
