"""The engine and its rivals timed: the network alone, and the whole tracker on the same frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.embedder import SHIPPED, Embedder
from rbsf.engine.format import read_packed
from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from rbsf.geometry import Box, Frame, check_box

from ..loop.config import TrackerConfig
from ..loop.target import Start
from ..loop.tracker import SiamFCTracker
from ..video.open import open_source
from ..video.synthetic import render
from .footprint import measure_footprint
from .timing import OURS, Contestant, interleave, rows_of

SIZE = (1280, 720)
FRAMES = 30
SCALE_EVERY = 5
CALIBRATION = 12
"""Frames whose crops the 8-bit rivals learn their ranges from."""


@dataclass(frozen=True)
class Clip:
    """Frames in memory, and the target's box in the first."""

    frames: list[Frame]
    box: Box

    def there_and_back(self) -> Iterator[Frame]:
        """The frames after the first, for ever, and no leap where the clip ends."""
        return cycle([*self.frames[1:], *self.frames[-2::-1]])

    def crops(self, count: int) -> list[NDArray[np.uint8]]:
        """`count` frames' search crops around the first box, 3 x 255 x 255 x 3 each."""
        start = Start(self.frames[0], self.box, TrackerConfig())
        return [start.look(frame).crops for frame in islice(self.there_and_back(), count)]


def scene_clip(frames: int = FRAMES, size: tuple[int, int] = SIZE) -> Clip:
    """The project's own clip."""
    images, boxes = zip(*render(frames, size), strict=True)
    return Clip(list(images), boxes[0])


def video_clip(video: Path, box: Sequence[float], frames: int = FRAMES) -> Clip:
    """The first frames of a video.

    Raises:
        InputError: unreadable, too short, or a box that no target can be in.
    """
    source = open_source(video)
    try:
        images = [frame.image for frame in islice(source, frames) if frame.image is not None]
        first = check_box(box, source.size)
    finally:
        source.close()
    if len(images) < 2:
        raise InputError(f"{video} has {len(images)} frames: tracking is timed on 2 or more")
    return Clip(images, first)


def measure_speed(
    parts: Sequence[str], threads: int, rounds: int, clip: Clip, note: Callable[[str], object]
) -> dict[str, Any]:
    """Times what is asked for, in turn.

    Args:
        parts: of `network`, `tracker`, `layers` and `memory`.
        threads: of everything that is timed; this process is held to them already.
        rounds: turns of every contestant.
        note: told what goes on.

    Returns:
        What `tools/benchmark.py --json` writes, but for the command.
    """
    from .layers import measure_layers  # these import torch
    from .machine import describe_machine
    from .rivals import Setup, contestants

    crops = clip.crops(CALIBRATION)
    height, width = clip.frames[0].shape[:2]
    told: dict[str, Any] = {
        "threads": threads,
        "repeats": rounds,
        "frame": [width, height],
        "weights_sha256": file_sha256(SHIPPED),
        "machine": describe_machine(),
        "rows": [],
    }
    if {"network", "tracker"} & set(parts):
        note("getting the contestants ready")
        embedders, told["left_out"] = contestants(Setup(threads, crops))
    if "network" in parts:
        note("timing the network")
        alone = {name: Contestant(partial(run, crops[0])) for name, run in embedders.items()}
        told["rows"] += rows_of(interleave(alone, rounds), "network")
    if "tracker" in parts:
        note("timing the tracker")
        several = {n: e for n, e in embedders.items() if not n.startswith(f"{OURS}-")}
        whole = tracker_contestants(several, clip)
        told["rows"] += rows_of(interleave(whole, rounds), "tracker")
    if "layers" in parts:
        note("timing the layers")
        told["layers"] = measure_layers(read_packed(SHIPPED), crops[0], threads, rounds)
    if "memory" in parts:
        note("tracking in a process of its own")
        told["memory"] = measure_footprint(clip.frames[:8], clip.box, threads=threads)
    return told


def tracker_contestants(embedders: Mapping[str, Embedder], clip: Clip) -> dict[str, Contestant]:
    """A tracker a network, each started on the clip's first frame; one call is one frame.

    With `packed` there is also `packed-scale-every-5`, where a call is the mean of five frames.
    None looks for a lost target elsewhere, so that all embed three crops a frame.
    """
    found = {name: Contestant(_follow(embedder, clip)) for name, embedder in embedders.items()}
    if OURS in embedders:
        follow = _follow(embedders[OURS], clip, SCALE_EVERY)
        found[f"{OURS}-scale-every-{SCALE_EVERY}"] = Contestant(follow, SCALE_EVERY)
    return found


def _follow(embedder: Embedder, clip: Clip, scale_every: int = 1) -> Callable[[], object]:
    config = TrackerConfig(research_crops=0, scale_every=scale_every)
    tracker = SiamFCTracker(embedder, config)
    tracker.init(clip.frames[0], clip.box)
    frames = clip.there_and_back()
    return lambda: tracker.update(next(frames))
