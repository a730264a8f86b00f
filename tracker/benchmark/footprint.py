"""What a process costs that tracks and does nothing else: start-up time and memory.

`measure_footprint` starts such a process, which runs this module, and reads what it prints.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from rbsf.embedder import load_embedder
from rbsf.geometry import Box, Frame

from ..loop.tracker import SiamFCTracker


def measure_footprint(
    frames: list[Frame], box: Box, weights: Path | None = None, threads: int = 1
) -> dict[str, Any]:
    """Tracks frames in a fresh process.

    Returns:
        `peak_mb`: its resident memory at the most, 10^6 bytes, frames included.
        `start_s`: from starting Python to having tracked the first frame.
        `load_s`: the part of it until the network stood ready.
        `torch`: whether torch was imported.
        `engine`, `path`: what ran the network.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "frames.npy")
        np.save(file, np.stack(frames))
        words = [str(file), json.dumps(list(box)), str(weights or ""), str(threads)]
        command = [sys.executable, "-m", __name__, repr(time.time()), *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _track(started: str, file: str, box: str, weights: str, threads: str) -> dict[str, Any]:
    embedder = load_embedder(weights or None, threads=int(threads))
    loaded = time.time()
    frames = np.load(file, mmap_mode="r")
    tracker = SiamFCTracker(embedder)
    tracker.init(frames[0], json.loads(box))
    tracker.update(frames[1])
    ready = time.time()
    for frame in frames[2:]:
        tracker.update(frame)
    return {
        "peak_mb": _peak_bytes() / 1e6,
        "start_s": ready - float(started),
        "load_s": loaded - float(started),
        "torch": "torch" in sys.modules,
        "engine": embedder.engine,
        "path": embedder.path,
    }


def _peak_bytes() -> int:
    """This process's resident size at the most.

    Linux's getrusage also counts what the process was before it became Python, a copy of whoever
    started it; the kernel's high-water mark does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    print(json.dumps(_track(*sys.argv[1:])))
