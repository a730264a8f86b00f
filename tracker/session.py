"""A run over a source: frames go in, and one track per target and frame comes out.

    for tracked in track(open_source("clip.mp4"), [(612, 290, 72, 72)], TrackerGroup(embedder)):
        print(tracked.frame.index, tracked.tracks[0].box)

`run` does the same, writes to sinks (boxes, annotated video, a window) and says how it went.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from rbsf.geometry import Frame, check_box

from .interrupts import Interrupts
from .loop.target import Track
from .output.sinks import Sink, Stop, Tracked
from .video.source import Source, SourceFault

MOST_FAULTS = 1000
"""The number of lines about frames that a summary keeps, because a stream has no end."""
MOST_SPANS = 20
"""The number of spans of frames that the line of a summary names."""


class Group(Protocol):
    """What follows the targets, such as a `TrackerGroup`."""

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None: ...
    def update(self, frame: Frame) -> list[Track]: ...


def track(source: Source, boxes: Sequence[Sequence[float]], group: Group) -> Iterator[Tracked]:
    """Follows targets through a source.

    The first frame has the given boxes with a score of 1. A frame that cannot be read repeats the
    last boxes as lost, with a score of 0. So there is one result per frame.

    Args:
        source: The frames.
        boxes: The targets' boxes (x, y, w, h) in the first frame, in pixels, counted from 0.
        group: What follows the targets.

    Yields:
        Each frame with its tracks, in the order of the boxes, and the seconds that they took.

    Raises:
        InputError: No tracker can start from one of the boxes.
        SourceFault: The source stopped before its end.
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
    """How a run went. The times leave out the first frame, in which the targets are marked."""

    frames: int = 0
    """How many frames there were, the first one and those that cannot be read included."""
    updates: int = 0
    """How many frames the targets were looked for in."""
    tracking_s: float = 0.0
    """The seconds spent on tracking."""
    reading_s: float = 0.0
    """The seconds spent on reading and decoding frames."""
    writing_s: float = 0.0
    """The seconds spent in the sinks."""
    lost: list[list[tuple[int, int]]] = field(default_factory=list)
    """For each target, the spans (first frame, last frame) in which it was lost."""
    faults: list[str] = field(default_factory=list)
    """A line about each frame that was damaged or could not be read, up to MOST_FAULTS."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """The spans of frames that are missing from the source, or could not be decoded."""
    skipped: int = 0
    """How many frames of a live source came while another was in use, and were left out."""
    stopped: str | None = None
    """Why the source ended early; None if it did not."""
    interrupted: bool = False
    """Whether Ctrl-C or another signal ended the run."""
    _last: int | None = None

    @property
    def fps(self) -> float:
        """The frames per second of tracking alone, without decoding, drawing and writing."""
        return self.updates / self.tracking_s if self.tracking_s else 0.0

    def __str__(self) -> str:
        """One line with the number of frames, the speed, and when each target was lost.

        It also says how many frames a live source skipped, and which could not be read.
        """
        n = max(1, self.frames - 1)
        tracking = f"{1e3 * self.tracking_s / max(1, self.updates):.1f} ms per frame"
        others = f"reading {1e3 * self.reading_s / n:.1f}, writing {1e3 * self.writing_s / n:.1f}"
        lost = "; ".join(
            f"{f'target {n} ' if len(self.lost) > 1 else ''}{_spans(spans)}"
            for n, spans in enumerate(self.lost, 1)
        )
        parts = [
            f"{self.frames} frames, tracked at {self.fps:.1f} fps ({tracking}; {others})",
            lost,
        ]
        if self.skipped:
            parts.append(f"{self.skipped} frames skipped, to keep up with the live source")
        if self.missing:
            parts.append(self.missing_text)
        return "; ".join(parts)

    @property
    def missing_text(self) -> str:
        """How many frames could not be read, and which, such as "3 of 90 frames ...: 4-6"."""
        count = sum(last - first + 1 for first, last in self.missing)
        return f"{count} of {self.frames} frames cannot be read: {_numbers(self.missing)}"

    def add(self, tracked: Tracked) -> None:
        """Takes in the next frame."""
        index = tracked.frame.index
        self.frames += 1
        self.updates += tracked.seconds > 0
        self.tracking_s += tracked.seconds
        self.lost = self.lost or [[] for _ in tracked.tracks]
        if tracked.frame.fault and len(self.faults) < MOST_FAULTS:
            self.faults.append(tracked.frame.fault)
        if tracked.frame.image is None:
            self._extend(self.missing, index)
        for spans, now in zip(self.lost, tracked.tracks, strict=True):
            if now.lost:
                self._extend(spans, index)
        if self._last is not None:
            self.skipped += index - self._last - 1
        self._last = index

    def _extend(self, spans: list[tuple[int, int]], index: int) -> None:
        """Adds a frame to its spans: to the last one, if that ends with the frame before."""
        if spans and spans[-1][1] == self._last:
            spans[-1] = (spans[-1][0], index)
        else:
            spans.append((index, index))


def _spans(spans: list[tuple[int, int]]) -> str:
    """When a target was lost, such as "never lost" or "lost in frames 12-40, 80"."""
    return f"lost in frames {_numbers(spans)}" if spans else "never lost"


def _numbers(spans: list[tuple[int, int]]) -> str:
    """The frames of some spans, such as "12-40, 80". Of many, the first ones."""
    texts = [f"{a}-{b}" if b > a else f"{a}" for a, b in spans[:MOST_SPANS]]
    more = len(spans) - len(texts)
    return ", ".join(texts) + f" and {more} times more" * (more > 0)


def run(
    source: Source,
    boxes: Sequence[Sequence[float]],
    group: Group,
    sinks: Sequence[Sink],
) -> Summary:
    """Follows targets to the source's end, or until a fault, a signal or a sink ends the run.

    However it ends, the source and the sinks are closed, and what was tracked is kept. Every sink
    has the same frames then: SIGINT (Ctrl-C), SIGTERM and SIGHUP end a run between two frames, and
    further signals change nothing.

    Args:
        source: The frames.
        boxes: The targets' boxes (x, y, w, h) in the first frame, in pixels, counted from 0.
        group: What follows the targets.
        sinks: What takes the tracks of each frame, in turn.

    Raises:
        InputError: No tracker can start from one of the boxes, or an output cannot be written.
    """
    summary = Summary()
    with Interrupts() as interrupts, ExitStack() as stack:
        stack.callback(source.close)
        for sink in sinks:
            stack.callback(sink.close)
        try:
            _drive(track(source, boxes, group), sinks, summary, interrupts)
        except SourceFault as fault:
            summary.stopped = str(fault)
        except KeyboardInterrupt:
            summary.interrupted = True
        except Stop:
            pass
    return summary


def _drive(
    steps: Iterator[Tracked], sinks: Sequence[Sink], summary: Summary, interrupts: Interrupts
) -> None:
    """Passes each frame to the summary and the sinks, and measures the time between."""
    written = time.perf_counter()
    while (tracked := _next(steps, interrupts)) is not None:
        received = time.perf_counter()
        if summary.frames:
            summary.reading_s += received - written - tracked.seconds
        summary.add(tracked)
        for sink in sinks:
            sink.write(tracked)
        written = time.perf_counter()
        summary.writing_s += written - received


def _next(steps: Iterator[Tracked], interrupts: Interrupts) -> Tracked | None:
    """Reads and tracks the next frame, unless a signal ends the run. None is the source's end."""
    with interrupts.welcome():
        return next(steps, None)
