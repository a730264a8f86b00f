"""Pairs of crops from which an 8-bit box head learns its steps, as a tracker would cut them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.box_answer import BoxAnswer, Floats
from rbsf.engine.pack_head import CalibrationPair
from rbsf.errors import InputError
from rbsf.geometry import Box, Frame

from ..loop.box_config import BoxTrackerConfig
from ..loop.box_correction import CorrectionConfig
from ..loop.box_tracker import BoxTracker
from ..video.synthetic import render
from .runner import frame_of
from .sequence import Sequence
from .single_step import steps_of
from .tracks import tracks_of

PAIRS = 144
"""How many pairs are used. Twice as many give nearly the same steps."""
CLIP_PAIRS = 8
"""How many of the pairs come from one rendered clip. Each clip shows another scene."""
HOLD_OUT = 8
"""One in so many tracks is held out, as configs/rbsf_box.yaml has it."""


class _Recorder:
    """A network that keeps what it is shown, and answers that nothing has moved."""

    name, weights_sha256, engine, path = "recorder", "", "", ""

    def __init__(self) -> None:
        self.pairs: list[CalibrationPair] = []

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> Floats:
        self.crop = crop
        return np.zeros((6, 6, 1), np.float32)

    def exemplar(self, feature: Floats) -> NDArray[np.uint8]:
        return self.crop

    def search(
        self, exemplar: Any, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        self.pairs.append(CalibrationPair(exemplar, crop, believed))
        flat = np.zeros((17, 17), np.float32)
        boxes = np.stack([flat, flat, *(np.full_like(flat, side) for side in believed)])
        return BoxAnswer(flat, flat, flat, boxes)


def calibration_pairs(data: Path | None = None, count: int = PAIRS) -> list[CalibrationPair]:
    """Makes pairs from real tracks, or from clips that are rendered.

    Args:
        data: The folder of a training's data sources, of which those in GOT-10k's layout are used,
            except for the tracks that a training holds out. None renders clips.
        count: How many pairs to make.

    Raises:
        InputError: There are no tracks in the folder, or an image cannot be read.
    """
    return rendered_pairs(count) if data is None else track_pairs(_tracks(data), count)


def track_pairs(tracks: list[Sequence], count: int) -> list[CalibrationPair]:
    """Makes pairs from tracks, the same number from each, as far as its questions go.

    The believed boxes are those of `tracker.evaluation.single_step`.
    """
    pairs: list[CalibrationPair] = []
    share = -(-count // len(tracks))
    for track in tracks[:: max(1, len(tracks) * share // count)]:
        steps = list(steps_of(track))
        chosen = steps[:: -(-len(steps) // share)]
        looks = ((frame_of(track, step.at), step.believed) for step in chosen)
        pairs += _pairs(frame_of(track, 0), Box(*track.boxes[0].tolist()), looks)
    return pairs[:count]


def rendered_pairs(count: int) -> list[CalibrationPair]:
    """Makes pairs from rendered clips, in which the target is expected where it was just before."""
    pairs: list[CalibrationPair] = []
    for seed in range(-(-count // CLIP_PAIRS)):
        frames = list(render(CLIP_PAIRS + 1, seed=seed))
        looks = ((now[0], before[1]) for before, now in pairwise(frames))
        pairs += _pairs(*frames[0], looks)
    return pairs[:count]


def _pairs(frame: Frame, box: Box, looks: Iterable[tuple[Frame, Box]]) -> list[CalibrationPair]:
    """The crops of a tracker that starts on a frame, and then looks at other frames alone."""
    recorder = _Recorder()
    tracker = BoxTracker(recorder, BoxTrackerConfig(correction=CorrectionConfig(share=0)))
    tracker.init(frame, box)
    for later, believed in looks:
        tracker.look(later, believed)
    return recorder.pairs


def _tracks(data: Path) -> list[Sequence]:
    """The tracks that are not held out and have questions, of all sources in GOT-10k's layout."""
    roots = [data, *sorted(data.iterdir())]
    tracks: list[Sequence] = []
    for root in roots:
        if (root / "train" / "list.txt").is_file():
            every = enumerate(tracks_of(root))
            tracks += [t for i, t in every if i % HOLD_OUT and any(steps_of(t))]
    if not tracks:
        raise InputError(f"no folder in {data} has a train/list.txt: give the training's data")
    return tracks
