"""Settings that pass the schema track; those that cannot are refused with the reason."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from perfect_network import PerfectNetwork, frame_with
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

from rbsf.config import parse_settings
from rbsf.engine.box_answer import BoxAnswer
from rbsf.errors import InputError
from rbsf.geometry import Box, iou
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.box_score import ScoreConfig
from tracker.loop.config import TrackerConfig
from tracker.loop.siamfc_tracker import SiamFCTracker
from tracker.loop.tracker import Tracker

SIZE = (160, 120)
FRAMES = [paint_target(background(SIZE), box) for box in moving_boxes(3)]
BOX = (60.0, 40.0, 36.0, 28.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("search_size", 64),
        ("search_size", 120),
        ("search_size", 166),
        ("search_size", 4000),
        ("exemplar_size", 64),
        ("exemplar_size", 1_000_000),
        ("scales", 1_000_001),
        ("scale_step", float("inf")),
        ("scale_step", float("nan")),
        ("context", float("inf")),
        ("context", float("nan")),
        ("stride", 10**9),
        ("research_crops", 10**9),
        ("research_radius", float("inf")),
    ],
)
def test_what_would_crash_or_hang_is_refused(key: str, value: float) -> None:
    with pytest.raises(InputError, match=f"my.yaml: .*{key}|search_size"):
        parse_settings(TrackerConfig, {key: value}, "my.yaml")


EDGES: dict[str, list[float]] = {
    "exemplar_size": [87, 88, 127, 255],
    "search_size": [127, 167, 255, 295],
    "stride": [1, 8, 16, 64],
    "context": [0.0, 0.5, 4.0],
    "scales": [1, 3, 5, 2],
    "scale_every": [1, 2, 10**12],
    "scale_step": [1.0001, 1.0375, 1.5],
    "scale_lr": [0.0, 1.0],
    "scale_penalty": [1e-9, 1.0],
    "window_influence": [1e-9, 0.999],
    "lost_below": [0.0, 0.5, 1.0],
    "found_above": [0.0, 0.5, 1.0],
    "patience": [1, 10**12],
    "research_crops": [0, 1, 7],
    "research_radius": [1e-9, 8.0],
    "template_rate": [0.0, 1.0],
    "parity": [True, False],
}


BOX_EDGES: dict[str, dict[str, list[float]]] = {
    "decision": {
        "response_weight": [0.0, 1.0],
        "peak_share": [0.0, 1.0],
        "size_penalty": [0.0, 1e-9, 100.0],
        "window_influence": [0.0, 0.999],
    },
    "score": {name: [-1000.0, 0.0, 1000.0] for name in ScoreConfig.model_fields},
    "recovery": {
        "crops": [0, 1, 64],
        "below": [0.0, 1.0],
        "sizes": [[0.1], [10.0] * 9],  # type: ignore[list-item]
        "believed_above": [0.0, 1.0],
    },
}


def attack_settings(folder: Path, count: int, seed: int) -> list[str]:
    """Tracks with `count` random settings and boxes, of both trackers by turns.

    Returns what was neither done nor refused.
    """
    draw, mishandled = random.Random(seed), []
    for number in range(count):
        box = draw.choice([BOX, (0, 0, 1, 1), (-300, -200, 640, 480), (150, 110, 90, 1)])
        values: dict[str, Any]
        if number % 2:
            values = {key: draw.choice(EDGES[key]) for key in draw.sample(list(EDGES), 5)}
            kind, embedder, frames = TrackerConfig, ColourEmbedder(), FRAMES
        else:
            values = {
                group: {key: draw.choice(edges[key]) for key in draw.sample(list(edges), 2)}
                for group, edges in BOX_EDGES.items()
            } | {"size_rate": draw.choice([0.0, 1.0]), "lost_below": draw.choice([0.0, 0.8])}
            values |= {"doubt": draw.choice([0.0, 100.0]), "found_above": draw.choice([0.8, 1.0])}
            kind, embedder = BoxTrackerConfig, PerfectNetwork(draw.choice([9.0, -9.0, 1e8]))
            frames = [frame_with(Box(*BOX))] * 4
        try:
            tracker = Tracker(embedder, parse_settings(kind, values, "my.yaml"))
            tracker.init(frames[0], box)
            tracks = [tracker.update(frame) for frame in frames[1:]]
        except InputError:
            continue
        except Exception as error:
            mishandled.append(f"{values} {box}: {error!r}")
            continue
        numbers = [value for track in tracks for value in (*track.box, track.score)]
        if not np.isfinite(numbers).all():
            mishandled.append(f"{values} {box}: {numbers}")
    return mishandled


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("decision", "size_penalty", float("inf")),
        ("score", "bias", 1e308),
        ("recovery", "sizes", [0.0]),
        ("recovery", "sizes", [float("nan")]),
        ("recovery", "sizes", [-1.0]),
        ("recovery", "sizes", [1e-9]),
    ],
)
def test_what_would_crash_or_hang_a_box_tracker_is_refused(
    group: str, key: str, value: object
) -> None:
    with pytest.raises(InputError, match=f"my.yaml: {group}.{key}"):
        parse_settings(BoxTrackerConfig, {group: {key: value}}, "my.yaml")


def test_what_passes_the_schema_tracks(tmp_path: Path) -> None:
    assert attack_settings(tmp_path, 60, seed=0) == []


@pytest.mark.parametrize("parity", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_score_is_ever_a_nan(parity: bool, value: float) -> None:
    class Broken(ColourEmbedder):
        def __call__(self, crops):
            return np.full_like(super().__call__(crops), value)

    for bad, good in ((Broken(), ColourEmbedder()), (ColourEmbedder(), Broken())):
        tracker = SiamFCTracker(bad, TrackerConfig(parity=parity))
        with np.errstate(invalid="ignore"):
            tracker.init(FRAMES[0], BOX)
            tracker.embedder = good
            tracks = [tracker.update(frame) for frame in FRAMES * 3]
        assert all(0 <= track.score <= 1 and np.isfinite(track.box).all() for track in tracks)
        assert tracks[-1].lost


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -3e38])
@pytest.mark.parametrize("map_", BoxAnswer._fields)
@pytest.mark.parametrize("from_the_first_frame", [False, True])
def test_no_score_of_a_box_tracker_is_ever_a_nan(
    from_the_first_frame: bool, map_: str, value: float
) -> None:
    class Broken(PerfectNetwork):
        is_broken = from_the_first_frame

        def search(self, *look):
            answer = super().search(*look)
            broken = np.full_like(getattr(answer, map_), value)
            return answer._replace(**{map_: broken}) if self.is_broken else answer

    network, frame = Broken(), frame_with(Box(*BOX))
    tracker = Tracker(network)
    tracker.init(frame, BOX)
    network.is_broken = True
    tracks = [tracker.update(frame) for _ in range(5)]
    assert all(0 <= track.score <= 1 and np.isfinite(track.box).all() for track in tracks)
    assert np.isfinite(value) or tracks[-1].lost
    network.is_broken = False
    tracks = [tracker.update(frame) for _ in range(5)]
    assert not tracks[-1].lost and iou(tracks[-1].box, Box(*BOX)) > 0.9
