"""A run over a source: frames in, a track per target and frame out.

    for tracked in track(open_source("clip.mp4"), [(612, 290, 72, 72)], TrackerGroup(embedder)):
        tracked.frame.index, tracked.tracks[0].box

`run` does the same with sinks (boxes, annotated video, a window) and says how it went.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from rbsf.geometry import Frame, check_box

from .loop.tracker import Track
from .output.sinks import Sink, Stop, Tracked
from .video.source import Source, SourceFault


class Group(Protocol):
    """What tracks: a `TrackerGroup`."""

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None: ...
    def update(self, frame: Frame) -> list[Track]: ...


def track(source: Source, boxes: Sequence[Sequence[float]], group: Group) -> Iterator[Tracked]:
    """Follows targets through a source, from boxes (x, y, w, h) in its first frame.

    The first frame has the given boxes and score 1. A frame that cannot be decoded repeats the last
    boxes with score 0, lost, so that there is one row per frame.

    Raises:
        InputError: a box that no tracker can start from.
        SourceFault: the source stopped before its end.
    """
    first = [check_box(box, source.size) for box in boxes]
    group.init(source.first_image, first)
    tracks = [Track(box, 1.0, False) for box in first]
    frames = iter(source)
    yield Tracked(next(frames), tracks, 0.0)
    for frame in frames:
        began = time.perf_counter()
        if frame.image is None:
            tracks = [Track(last.box, 0.0, True) for last in tracks]
            yield Tracked(frame, tracks, 0.0)
        else:
            tracks = group.update(frame.image)
            yield Tracked(frame, tracks, time.perf_counter() - began)


@dataclass
class Summary:
    """How a run went; the first frame (init) counts in none of the times."""

    frames: int = 0
    updates: int = 0
    tracking_s: float = 0.0
    reading_s: float = 0.0
    writing_s: float = 0.0
    lost: list[list[tuple[int, int]]] = field(default_factory=list)
    """Per target, the spans (first, last frame) in which it was lost."""
    faults: list[str] = field(default_factory=list)
    """Frames that were damaged or could not be decoded, in words."""
    stopped: str | None = None
    """Why the source ended early, None where it did not."""
    interrupted: bool = False
    """Ctrl-C."""

    @property
    def fps(self) -> float:
        """Tracking alone: decoding, drawing and writing are apart."""
        return self.updates / self.tracking_s if self.tracking_s else 0.0

    def __str__(self) -> str:
        """One line: frames, speed, and when each target was lost."""
        n = max(1, self.frames - 1)
        each = f"{1e3 * self.tracking_s / max(1, self.updates):.1f} ms a frame"
        apart = f"reading {1e3 * self.reading_s / n:.1f}, writing {1e3 * self.writing_s / n:.1f}"
        lost = "; ".join(
            f"{f'target {n} ' if len(self.lost) > 1 else ''}{_spans(spans)}"
            for n, spans in enumerate(self.lost, 1)
        )
        return f"{self.frames} frames, tracked at {self.fps:.1f} fps ({each}; {apart}); {lost}"

    def add(self, tracked: Tracked) -> None:
        index = tracked.frame.index
        self.frames += 1
        self.updates += tracked.seconds > 0
        self.tracking_s += tracked.seconds
        self.lost = self.lost or [[] for _ in tracked.tracks]
        if tracked.frame.fault:
            self.faults.append(tracked.frame.fault)
        for spans, now in zip(self.lost, tracked.tracks, strict=True):
            if now.lost and spans and spans[-1][1] == self._last:
                spans[-1] = (spans[-1][0], index)
            elif now.lost:
                spans.append((index, index))
        self._last = index

    _last: int = -1


def _spans(spans: list[tuple[int, int]]) -> str:
    """When a target was lost: "never lost", "lost in frames 12-40, 80"."""
    if not spans:
        return "never lost"
    return "lost in frames " + ", ".join(
        f"{first}-{last}" if last > first else f"{first}" for first, last in spans
    )


def run(
    source: Source,
    boxes: Sequence[Sequence[float]],
    group: Group,
    sinks: Sequence[Sink],
) -> Summary:
    """Tracks to the end, to a fault, to Ctrl-C or until a sink stops it; the sinks are completed.

    Raises:
        InputError: a box that no tracker can start from, or an output that cannot be written.
    """
    summary = Summary()
    with ExitStack() as stack:
        stack.callback(source.close)
        for sink in sinks:
            stack.callback(sink.close)
        try:
            _drive(track(source, boxes, group), sinks, summary)
        except SourceFault as fault:
            summary.stopped = str(fault)
        except KeyboardInterrupt:
            summary.interrupted = True
        except Stop:
            pass
    return summary


def _drive(steps: Iterator[Tracked], sinks: Sequence[Sink], summary: Summary) -> None:
    asked = time.perf_counter()
    for tracked in steps:
        given = time.perf_counter()
        if summary.frames:
            summary.reading_s += given - asked - tracked.seconds
        summary.add(tracked)
        for sink in sinks:
            sink.write(tracked)
        asked = time.perf_counter()
        summary.writing_s += asked - given
