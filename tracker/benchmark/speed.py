"""Times the engine and its rivals: the network alone, and the whole tracker on the same frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rbsf.embedder import SHIPPED_RBSF, Embedder
from rbsf.engine.format import read_packed
from rbsf.engine.installation import missing_kernels
from rbsf.engine.packed import kernel_paths
from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from rbsf.geometry import Box, Frame

from ..loop.config import TrackerConfig
from ..loop.siamfc_tracker import SiamFCTracker
from ..loop.target import Start
from ..video.open import open_source
from ..video.synthetic import render
from .footprint import measure_footprint
from .layers import measure_layers
from .machine import describe_machine
from .timing import OURS, Contestant, interleave, rows_of

SIZE = (1280, 720)
FRAMES = 30
SCALE_EVERY = 5
CALIBRATION = 12
"""The number of frames from whose crops the 8-bit rivals learn their ranges."""


class Follower(Protocol):
    """A tracker that can be timed."""

    def init(self, frame: Frame, box: Box, /) -> object:
        """Starts on a frame with the target's box."""

    def update(self, frame: Frame, /) -> object:
        """Tracks the target in the next frame."""


@dataclass(frozen=True)
class Clip:
    """Frames in memory, and the target's box in the first of them."""

    frames: list[Frame]
    box: Box

    def there_and_back(self) -> Iterator[Frame]:
        """Yields the frames after the first, forward and backward, without an end or a jump."""
        return cycle([*self.frames[1:], *self.frames[-2::-1]])

    def crops(self, count: int) -> list[NDArray[np.uint8]]:
        """Returns search crops around the first box for `count` frames, each (3, 255, 255, 3)."""
        start = Start(self.frames[0], self.box, TrackerConfig())
        return [start.look(frame).crops for frame in islice(self.there_and_back(), count)]


def scene_clip(frames: int = FRAMES, size: tuple[int, int] = SIZE) -> Clip:
    """Renders the project's own clip."""
    images, boxes = zip(*render(frames, size), strict=True)
    return Clip(list(images), boxes[0])


def video_clip(
    video: Path, read_box: Callable[[tuple[int, int]], Box], frames: int = FRAMES
) -> Clip:
    """Reads the first frames of a video.

    Args:
        video: The video, or a folder of images.
        read_box: A function from the frame's (width, height) to the target's box in the first
            frame.
        frames: The most frames to read.

    Raises:
        InputError: The video cannot be read or is too short, or the box lies outside the frame.
    """
    source = open_source(video)
    try:
        first = read_box(source.size)
        images = [frame.image for frame in islice(source, frames) if frame.image is not None]
    finally:
        source.close()
    if len(images) < 2:
        count = f"{len(images)} frame{'' if len(images) == 1 else 's'}"
        raise InputError(f"{video} has {count}: tracking is timed on 2 or more")
    return Clip(images, first)


def measure_speed(
    parts: Sequence[str],
    threads: int,
    rounds: int,
    clip: Clip,
    note: Callable[[str], object],
    trackers: Mapping[str, Follower] | None = None,
    rivals: Sequence[str] = (),
) -> dict[str, Any]:
    """Measures the parts that are asked for.

    Args:
        parts: Some of `network`, `tracker`, `layers` and `memory`.
        threads: The number of threads of everything that is timed. The caller has already limited
            this process to it.
        rounds: The number of turns that every contestant takes.
        clip: The frames to track in.
        note: A function that is called with a line about what is measured next.
        trackers: Other trackers, by the names of their rows in the part `tracker`.
        rivals: Trackers of OpenCV's for the part `memory` (see `measure_footprint`).

    Returns:
        What `rbsf benchmark --json` writes, except for the command.
    """
    from .rivals import Setup, contestants  # this imports torch

    crops = clip.crops(CALIBRATION)
    height, width = clip.frames[0].shape[:2]
    figures: dict[str, Any] = {
        "threads": threads,
        "repeats": rounds,
        "frame": [width, height],
        "weights_sha256": file_sha256(SHIPPED_RBSF),
        "machine": describe_machine(),
        "rows": [],
        "left_out": [],
    }
    if {"network", "tracker"} & set(parts):
        note("getting the contestants ready")
        embedders, figures["left_out"] = contestants(Setup(threads, crops))
    if "network" in parts:
        note("timing the network")
        alone = {name: Contestant(partial(run, crops[0])) for name, run in embedders.items()}
        figures["rows"] += rows_of(interleave(alone, rounds), "network")
    if "tracker" in parts:
        note("timing the tracker")
        several = {n: e for n, e in embedders.items() if not n.startswith(f"{OURS}-")}
        whole = tracker_contestants(several, clip)
        whole |= {name: Contestant(_follow(t, clip)) for name, t in (trackers or {}).items()}
        figures["rows"] += rows_of(interleave(whole, rounds), "tracker")
    if "layers" in parts and not kernel_paths():
        figures["left_out"].append(f"layers are left out: {missing_kernels()}")
    elif "layers" in parts:
        note("timing the layers")
        figures["layers"] = measure_layers(read_packed(SHIPPED_RBSF), crops[0], threads, rounds)
    if "memory" in parts:
        note("tracking in processes of their own")
        figures["memory"] = measure_footprint(clip.frames, clip.box, threads=threads, rivals=rivals)
    return figures


def tracker_contestants(embedders: Mapping[str, Embedder], clip: Clip) -> dict[str, Contestant]:
    """Makes one tracker for each network. A call tracks one frame.

    Each tracker is initialised on the clip's first frame. With `packed` there is also
    `packed-scale-every-5`, which counts as the mean of five frames. No tracker looks elsewhere for
    a lost target, so that all of them embed three crops per frame.
    """
    found = {name: Contestant(_follow(_siamfc(e), clip)) for name, e in embedders.items()}
    if OURS in embedders:
        follow = _follow(_siamfc(embedders[OURS], SCALE_EVERY), clip)
        found[f"{OURS}-scale-every-{SCALE_EVERY}"] = Contestant(follow, SCALE_EVERY)
    return found


def _siamfc(embedder: Embedder, scale_every: int = 1) -> SiamFCTracker:
    return SiamFCTracker(embedder, TrackerConfig(research_crops=0, scale_every=scale_every))


def _follow(tracker: Follower, clip: Clip) -> Callable[[], object]:
    tracker.init(clip.frames[0], clip.box)
    frames = clip.there_and_back()
    return lambda: tracker.update(next(frames))
