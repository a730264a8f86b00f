"""One target followed through a video, by whatever tracker its network is made for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rbsf.engine.box_answer import has_box_head
from rbsf.geometry import Frame

from .box_tracker import BoxTracker
from .check import AnyConfig
from .siamfc_tracker import SiamFCTracker
from .target import Track

if TYPE_CHECKING:
    from rbsf.embedder import Network


class Tracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for every next frame.

    A network with a box head gives a `BoxTracker`, and any other a `SiamFCTracker`. A tracker can
    be pickled, and goes on with the same numbers where it is unpickled.

    Args:
        network: The network, from `rbsf.load_embedder`. One network can serve many trackers.
        config: The tracker's settings, a `BoxTrackerConfig` or a `TrackerConfig`, as the network
            has a box head or not. None uses the defaults.

    Raises:
        InputError: The network or the settings are of another type.
    """

    def __init__(self, network: Network, config: AnyConfig | None = None) -> None:
        kind = BoxTracker if has_box_head(network) else SiamFCTracker
        self.tracker: BoxTracker | SiamFCTracker = kind(network, config)  # type: ignore[arg-type]

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
        self.tracker.init(frame, box)

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
        return self.tracker.update(frame)
