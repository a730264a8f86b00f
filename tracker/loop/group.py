"""Several targets in one video: their crops go through the network in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rbsf.errors import InputError
from rbsf.geometry import Frame, as_bgr

from .config import TrackerConfig
from .response import Features
from .target import Start, Target, Track
from .template import Template
from .view import Crops

if TYPE_CHECKING:
    from rbsf.embedder import Embedder


class TrackerGroup:
    """`SiamFCTracker` for several boxes; each target is tracked as it would be alone."""

    def __init__(self, embedder: Embedder, config: TrackerConfig | None = None) -> None:
        self.embedder = embedder
        self.config = config or TrackerConfig()
        self._targets: list[Target] = []

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        """Starts, or starts anew, from boxes (x, y, w, h), pixels, 0-indexed.

        Raises:
            InputError: no box, a box no target can be in, or no BGR or grey uint8 frame.
        """
        if not len(boxes):
            raise InputError("no box to track: give at least one x,y,w,h")
        frame = as_bgr(frame)
        starts = [Start(frame, box, self.config) for box in boxes]
        exemplars = self._embed([start.exemplar for start in starts])
        searches = self._embed([start.view.crops for start in starts])
        self._targets = [
            Target(start, Template(exemplar, self.embedder), search)
            for start, (exemplar,), search in zip(starts, exemplars, searches, strict=True)
        ]

    def update(self, frame: Frame) -> list[Track]:
        """The targets in the next frame, in the order of the boxes.

        Raises:
            InputError: no `init` before, or no BGR or grey uint8 frame.
        """
        if not self._targets:
            raise InputError("the group has no targets yet: call init(frame, boxes) before update")
        frame = as_bgr(frame)
        views = [target.look(frame) for target in self._targets]
        features = self._embed([view.crops for view in views])
        return [
            target.locate(view, searches)
            for target, view, searches in zip(self._targets, views, features, strict=True)
        ]

    def _embed(self, crops: list[Crops]) -> list[Features]:
        """The features of each target's crops, embedded together."""
        if len(crops) == 1:  # nothing to copy
            return [self.embedder(crops[0])]
        ends = np.cumsum([len(c) for c in crops])
        return np.split(self.embedder(np.concatenate(crops)), ends[:-1])
