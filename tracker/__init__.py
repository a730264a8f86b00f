"""The network at work: one target or several, followed through a video."""

from .loop import (
    BoxTracker,
    BoxTrackerConfig,
    OpenCVTracker,
    SiamFCTracker,
    Track,
    Tracker,
    TrackerConfig,
    TrackerGroup,
)

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
