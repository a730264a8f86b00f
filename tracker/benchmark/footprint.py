"""Measures what tracking costs a process: its start-up time and its memory.

Each measurement starts a process that tracks and does nothing else. The process runs this module,
and what it prints is read.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rbsf.embedder import load_embedder
from rbsf.engine.installation import PACKAGE, missing_kernels
from rbsf.geometry import Box, Frame

from ..loop.tracker import Tracker


def measure_footprint(
    frames: Sequence[Frame],
    box: Box,
    weights: Path | None = None,
    threads: int = 1,
    rivals: Sequence[str] = (),
) -> dict[str, Any]:
    """Tracks frames in fresh processes: once from Python, and twice with the command `rbsf track`.

    Args:
        frames: The frames to track in, BGR uint8 HxWx3, two or more.
        box: The target's box in the first frame.
        weights: The network's weights. None uses the default network.
        threads: The number of threads that run the network.
        rivals: Trackers of OpenCV's, as `tracker.evaluation.rivals` names them. Each tracks in a
            process of its own, too, from Python and one frame at a time.

    Returns:
        `peak_mb`: The most resident memory from Python, in 10^6 bytes, with one frame at a time.
        `command_peak_mb`: The same for `rbsf track`, which reads the frames from a video.
        `video_peak_mb`: The same for `rbsf track --output`, which also writes a video.
        `start_s`: The seconds from starting Python until the first frame was tracked.
        `load_s`: The part of `start_s` until the network was loaded.
        `torch`: Whether torch was imported.
        `engine`, `path`: What ran the network.
        `rivals_peak_mb`: The most resident memory of each rival's process, by its name.
        `package`: The folder of the `rbsf` that was imported.
        `missing_kernels`: Why the packed engine could not run, or an empty text.
    """
    from ..output.video_file import VideoWriter  # tracking from Python does without PyAV

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "frames.npy", np.stack(frames))
        writer = VideoWriter(folder / "clip.mp4")
        for index, frame in enumerate(frames):
            writer.write(frame, index / 30)
        writer.close()
        file = str(weights.resolve()) if weights else ""
        corners = ",".join(f"{value:g}" for value in box)
        track = ["clip.mp4", "--bbox", corners, "--threads", str(threads)]
        track += ["--weights", file] if file else []
        measured = _start(folder, "python", repr(time.monotonic()), corners, file, str(threads))
        command = _start(folder, "command", *track)
        video = _start(folder, "command", *track, "--output", "out.mp4")
        found = [_start(folder, "rival", _anywhere(word), corners, str(threads)) for word in rivals]
    return {
        **measured,
        "rivals_peak_mb": {rival["name"]: rival["peak_mb"] for rival in found},
        "command_peak_mb": command["peak_mb"],
        "video_peak_mb": video["peak_mb"],
    }


def _start(folder: Path, *words: str) -> dict[str, Any]:
    """Runs this module in a process of its own, which imports the same `rbsf` as this one.

    The process starts in a temporary folder: in a clone of the repository Python would find the
    sources there before the package that is installed.
    """
    paths = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", __name__, *words],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _track_in_python(started: str, box: str, weights: str, threads: str) -> dict[str, Any]:
    """Tracks as a program does that gets its frames one by one from somewhere else."""
    embedder = load_embedder(weights or None, threads=int(threads))
    loaded = time.monotonic()
    tracker = Tracker(embedder)
    frames = _frames(Path("frames.npy"))
    tracker.init(next(frames), [float(value) for value in box.split(",")])
    tracker.update(next(frames))
    ready = time.monotonic()
    for frame in frames:
        tracker.update(frame)
    return {
        "peak_mb": _peak_bytes() / 1e6,
        "start_s": ready - float(started),
        "load_s": loaded - float(started),
        "torch": "torch" in sys.modules,
        "engine": embedder.engine,
        "path": embedder.path,
        "package": str(PACKAGE),
        "missing_kernels": missing_kernels(),
    }


def _track_as_rival(word: str, box: str, threads: str) -> dict[str, Any]:
    """Tracks with one of OpenCV's trackers, as `_track_in_python` does with ours."""
    import cv2

    from ..evaluation.rivals import rival_contender

    cv2.setNumThreads(int(threads))
    contender = rival_contender(word)
    tracker = contender.make()
    frames = _frames(Path("frames.npy"))
    tracker.init(next(frames), Box(*(float(value) for value in box.split(","))))
    for frame in frames:
        tracker.update(frame)
    return {"name": contender.name, "peak_mb": _peak_bytes() / 1e6}


def _anywhere(rival: str) -> str:
    """The word for a rival with the full paths of its files, which a process elsewhere can open."""
    kind, colon, files = rival.partition(":")
    return kind + colon + ",".join(str(Path(file).resolve()) for file in files.split(",") if file)


def _frames(file: Path) -> Iterator[Frame]:
    """Reads an array of frames, one at a time, so that the others take no memory."""
    for index in range(len(np.load(file, mmap_mode="r"))):
        yield np.load(file, mmap_mode="r")[index].copy()


def _track_as_command(*words: str) -> dict[str, Any]:
    """Tracks as a user does who types `rbsf track` and these words."""
    from rbsf.__main__ import main

    sys.argv = ["rbsf", "track", *words]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    return {"peak_mb": _peak_bytes() / 1e6}


def _peak_bytes() -> int:
    """Returns the most memory that this process has had resident.

    On Linux, getrusage also counts what the process was before it became Python: a copy of the
    process that started it. The kernel's high-water mark does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    way, *words = sys.argv[1:]
    ways: dict[str, Callable[..., dict[str, Any]]] = {
        "python": _track_in_python,
        "command": _track_as_command,
        "rival": _track_as_rival,
    }
    print(json.dumps(ways[way](*words)))
