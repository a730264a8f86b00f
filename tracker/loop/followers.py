"""What follows the targets of a group together: one kind for each kind of network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rbsf.geometry import Frame, as_bgr

from .box_config import BoxTrackerConfig
from .box_tracker import BoxTracker
from .check import checked_box_network, checked_config, checked_embedder
from .config import TrackerConfig
from .response import Features
from .target import Start, Target, Track
from .template import Template
from .view import Crops

if TYPE_CHECKING:
    from rbsf.embedder import Embedder
    from rbsf.engine.box_answer import BoxNetwork

Boxes = Sequence[Sequence[float]]


class Followers(Protocol):
    """Starts targets and finds them. The group keeps them, and knows nothing of what they are."""

    def start(self, frame: Frame, boxes: Boxes) -> list[Any]:
        """Makes a target of each box.

        Raises:
            InputError: The frame is not a frame, or no target can be in one of the boxes.
        """
        ...

    def check(self, frame: Frame, target: Any) -> None:
        """Checks that a frame can follow on those that a target was seen in.

        Raises:
            InputError: The frame is not a frame, or of another size.
        """

    def find(self, frame: Frame, targets: list[Any]) -> list[Track]:
        """Finds the targets in the next frame.

        Raises:
            InputError: As `check`; the targets stay where they were.
        """
        ...


class SiamFCFollowers:
    """Follows targets by one call of the network, with the crops of all of them.

    Args:
        embedder: The network.
        config: The settings for every target. None uses the defaults.

    Raises:
        InputError: The embedder or the settings are of another type.
    """

    def __init__(self, embedder: Embedder, config: TrackerConfig | None) -> None:
        self.embedder = checked_embedder(embedder)
        self.config = checked_config(config, TrackerConfig)

    def start(self, frame: Frame, boxes: Boxes) -> list[Target]:
        frame = as_bgr(frame)
        starts = [Start(frame, box, self.config) for box in boxes]
        exemplars = self._embed([start.exemplar for start in starts])
        searches = self._embed([start.view.crops for start in starts])
        return [
            Target(start, Template(exemplar, self.embedder), search)
            for start, (exemplar,), search in zip(starts, exemplars, searches, strict=True)
        ]

    def check(self, frame: Frame, target: Target) -> None:
        target.cropper.checked(frame)

    def find(self, frame: Frame, targets: list[Target]) -> list[Track]:
        frame = as_bgr(frame)
        views = [target.look(frame) for target in targets]
        features = self._embed([view.crops for view in views])
        return [
            target.locate(view, searches)
            for target, view, searches in zip(targets, views, features, strict=True)
        ]

    def _embed(self, crops: list[Crops]) -> list[Features]:
        """The features of each target's crops, which are embedded together."""
        if len(crops) < 2:  # there is nothing to join
            return [self.embedder(alone) for alone in crops]
        ends = np.cumsum([len(c) for c in crops])
        return np.split(self.embedder(np.concatenate(crops)), ends[:-1])


class BoxFollowers:
    """Follows each target by a tracker of its own. They look at one crop each, so that nothing
    would be gained by joining them.

    Args:
        network: The network with a box head.
        config: The settings for every target. None uses the defaults.

    Raises:
        InputError: The network or the settings are of another type.
    """

    def __init__(self, network: BoxNetwork, config: BoxTrackerConfig | None) -> None:
        self.network = checked_box_network(network)
        self.config = checked_config(config, BoxTrackerConfig)

    def start(self, frame: Frame, boxes: Boxes) -> list[BoxTracker]:
        frame = as_bgr(frame)
        trackers = [BoxTracker(self.network, self.config) for _ in boxes]
        for tracker, box in zip(trackers, boxes, strict=True):
            tracker.init(frame, box)
        return trackers

    def check(self, frame: Frame, target: BoxTracker) -> None:
        target.check(frame)

    def find(self, frame: Frame, targets: list[BoxTracker]) -> list[Track]:
        frame = as_bgr(frame)
        for target in targets:
            target.check(frame)
        return [target.update(frame) for target in targets]
