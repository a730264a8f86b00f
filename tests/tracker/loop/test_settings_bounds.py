"""Settings that pass the schema track; those that cannot are refused with the reason."""

from __future__ import annotations

import random

import numpy as np
import pytest
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

from rbsf.config import parse_settings
from rbsf.errors import InputError
from tracker.loop.config import TrackerConfig
from tracker.loop.siamfc_tracker import SiamFCTracker

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


def attack_settings(count: int, seed: int) -> list[str]:
    """Tracks with `count` random settings and boxes. Returns what was neither done nor refused."""
    draw, mishandled = random.Random(seed), []
    for _ in range(count):
        keys = draw.sample(list(EDGES), draw.randrange(1, 6))
        values = {key: draw.choice(EDGES[key]) for key in keys}
        box = draw.choice([BOX, (0, 0, 1, 1), (-300, -200, 640, 480), (150, 110, 90, 1)])
        try:
            config = parse_settings(TrackerConfig, values, "my.yaml")
            tracker = SiamFCTracker(ColourEmbedder(), config)
            tracker.init(FRAMES[0], box)
            tracks = [tracker.update(frame) for frame in FRAMES[1:]]
        except InputError:
            continue
        except Exception as error:
            mishandled.append(f"{values} {box}: {error!r}")
            continue
        numbers = [value for track in tracks for value in (*track.box, track.score)]
        if not np.isfinite(numbers).all():
            mishandled.append(f"{values} {box}: {numbers}")
    return mishandled


def test_what_passes_the_schema_tracks() -> None:
    assert attack_settings(60, seed=0) == []


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
