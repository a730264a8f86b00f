"""Trackers in processes that are spawned, which inherit nothing and are given all by pickle."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

import rbsf
from rbsf.engine.installation import kernel_paths
from rbsf.geometry import Box, Frame


def frames() -> list[Frame]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(3)]


def follow(tracker: rbsf.Tracker) -> list[Box]:
    first, *others = frames()
    tracker.init(first, Box(60, 40, 30, 20))
    return [tracker.update(frame).box for frame in others]


@pytest.mark.skipif(not kernel_paths(), reason="the packed engine is not built")
def test_a_spawned_worker_tracks_as_this_process_does() -> None:
    trackers = [rbsf.Tracker(rbsf.load_embedder()), rbsf.Tracker(rbsf.load_siamfc())]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(follow, trackers) == [follow(tracker) for tracker in trackers]
