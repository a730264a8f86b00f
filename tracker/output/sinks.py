"""Sinks: they take the tracked frames of a run, and write, show or keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rbsf.geometry import Box

from ..loop.target import Track
from ..video.source import VideoFrame
from .annotate import annotate
from .video_file import VideoWriter


class Tracked(NamedTuple):
    """One frame with its tracks, and the seconds that tracking took.

    `seconds` leaves out reading and writing. It is 0 where the frame was not tracked.
    """

    frame: VideoFrame
    tracks: list[Track]
    seconds: float


class Sink(Protocol):
    """Takes every tracked frame of a run. `write` may raise `Stop` to end the run."""

    def write(self, tracked: Tracked) -> None: ...
    def close(self) -> None: ...


class Stop(Exception):
    """A sink asks for the run to end, as when the user closes the window."""


class Records(Protocol):
    """Takes records one by one, as `BoxWriter` and `BoxLines` do."""

    def write(
        self, frame: int, time_s: float, target: int, box: Box, score: float, lost: bool
    ) -> None: ...
    def close(self) -> None: ...


class BoxSink:
    """Writes the tracks of every frame into a box file."""

    def __init__(self, writer: Records) -> None:
        self._writer = writer

    def write(self, tracked: Tracked) -> None:
        frame = tracked.frame
        for target, (box, score, lost) in enumerate(tracked.tracks):
            self._writer.write(frame.index, frame.time_s, target, box, score, lost)

    def close(self) -> None:
        self._writer.close()


class VideoSink:
    """Writes every frame, annotated, into a video.

    Args:
        writer: The video to write to.
        truth: The true box of each frame, by the frame's number. It is drawn as well.
    """

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
    """Keeps the tracks of every frame in memory."""

    def __init__(self) -> None:
        self.tracks: list[list[Track]] = []

    def write(self, tracked: Tracked) -> None:
        self.tracks.append(tracked.tracks)

    def close(self) -> None:
        """There is nothing to complete."""
