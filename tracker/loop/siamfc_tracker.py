"""SiamFC's online tracker: one target followed through a video from its first box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rbsf.errors import InputError
from rbsf.geometry import Frame

from .check import checked_config, checked_embedder
from .config import TrackerConfig
from .target import Start, Target, Track
from .template import Template

if TYPE_CHECKING:
    from rbsf.embedder import Embedder

__all__ = ["SiamFCTracker", "Track"]


class SiamFCTracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for every next frame.

    By default the traps of siamfc-pytorch are mended. The centre stays inside the frame and the
    size near the first one. A flat response moves nothing that was still. The scale penalty works
    whatever the sign of a response. The search goes ahead of a target in steady motion, and every
    frame gets a score and a lost flag. `parity` leaves all of that out and repeats the reference's
    numbers. Source: SiamFC (Bertinetto 2016); siamfc-pytorch.

    A tracker can be pickled, and goes on with the same numbers where it is unpickled.

    Args:
        embedder: The network, from `rbsf.load_embedder`. One embedder can serve many trackers;
            `TrackerGroup` also embeds the crops of all its targets in one batch.
        config: The tracker's settings. None uses the defaults.

    Raises:
        InputError: The embedder or the settings are of another type.
    """

    def __init__(self, embedder: Embedder, config: TrackerConfig | None = None) -> None:
        self.embedder = checked_embedder(embedder)
        self.config = checked_config(config, TrackerConfig)
        self.target: Target | None = None
        """The target that is being followed; None before `init`."""

    def init(self, frame: Frame, box: Sequence[float]) -> None:
        """Starts to follow a target, in place of any earlier one.

        Args:
            frame: A BGR uint8 frame of shape HxWx3, as `cv2.VideoCapture` returns it. A grey one of
                shape HxW is accepted too.
            box: The target's box (x, y, w, h), in pixels, counted from 0. The box may reach beyond
                the frame but must overlap it.

        Raises:
            InputError: The frame is not such an array, or no target can be in the box. An earlier
                target is kept.
        """
        start = Start(frame, box, self.config)
        (exemplar,), searches = self.embedder(start.exemplar), self.embedder(start.view.crops)
        self.target = Target(start, Template(exemplar, self.embedder), searches)

    def update(self, frame: Frame) -> Track:
        """Finds the target in the next frame.

        Args:
            frame: A frame as `init` takes it, of the same size as the first one.

        Returns:
            The box, the score and the lost flag.

        Raises:
            InputError: There was no `init` before, the frame is not such an array, or it has
                another size. The target stays where it was, and the next frame can follow.
        """
        if self.target is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update")
        view = self.target.look(frame)
        return self.target.locate(view, self.embedder(view.crops))
