"""Sinks: where the tracked frames of a run go, be it a file, a window or a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rbsf.geometry import Box

from ..loop.tracker import Track
from ..video.source import VideoFrame
from .annotate import annotate
from .box_file import BoxWriter
from .video_file import VideoWriter


class Tracked(NamedTuple):
    """One frame with what was found in it; `seconds` is the tracking alone (0 where none was)."""

    frame: VideoFrame
    tracks: list[Track]
    seconds: float


class Sink(Protocol):
    """Takes every tracked frame of a run; `write` may raise `Stop` to end it."""

    def write(self, tracked: Tracked) -> None: ...
    def close(self) -> None: ...


class Stop(Exception):
    """The user has seen enough."""


class BoxSink:
    """Every record into a file."""

    def __init__(self, writer: BoxWriter) -> None:
        self._writer = writer

    def write(self, tracked: Tracked) -> None:
        frame = tracked.frame
        for target, (box, score, lost) in enumerate(tracked.tracks):
            self._writer.write(frame.index, frame.time_s, target, box, score, lost)

    def close(self) -> None:
        self._writer.close()


class VideoSink:
    """Every frame, annotated, into a video; `truth` has the true boxes of frame after frame."""

    def __init__(self, writer: VideoWriter, truth: Sequence[Box] = ()) -> None:
        self._writer = writer
        self._truth = truth

    def write(self, tracked: Tracked) -> None:
        frame = tracked.frame
        if frame.image is not None:
            truth = self._truth[frame.index : frame.index + 1]
            self._writer.write(
                annotate(frame.image, frame.index, tracked.tracks, truth), frame.time_s
            )

    def close(self) -> None:
        self._writer.close()


class Keep:
    """Every frame's tracks, in memory."""

    def __init__(self) -> None:
        self.tracks: list[list[Track]] = []

    def write(self, tracked: Tracked) -> None:
        self.tracks.append(tracked.tracks)

    def close(self) -> None:
        """Nothing to complete."""
