"""A tracker whose network gives boxes: its head finds place and size in one crop per frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from rbsf.config import Settings
from rbsf.errors import InputError
from rbsf.geometry import Box, Frame, Square, as_bgr, check_box, clip_box, context_side

from .box_decision import DecisionConfig, decide
from .config import TrackerConfig
from .motion import Motion
from .target import Track
from .view import Cropper

if TYPE_CHECKING:
    from rbsf.engine.box_answer import BoxNetwork

CROPS = TrackerConfig()
"""The sizes of crops are SiamFC's."""
SMALLEST = 4.0
"""No side of a box shrinks below this many pixels of the frame."""


class BoxTrackerConfig(Settings):
    """How a target is followed from frame to frame."""

    decision: DecisionConfig = DecisionConfig()
    """How a box is chosen from what the network says."""
    size_rate: float = Field(default=0.3, ge=0, le=1)
    """The share of the found size that is taken over at a score of 1. It falls with the score."""
    sure_above: float = Field(default=0.3, ge=0, le=1)
    """Below this score the target is lost, and a move does not count as motion."""


class BoxTracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for every next frame.

    Frames are BGR uint8 arrays HxWx3, as OpenCV gives them, or grey ones, HxW.

    Args:
        network: The network with a box head.
        config: The tracker's settings. None uses the defaults.
    """

    def __init__(self, network: BoxNetwork, config: BoxTrackerConfig | None = None) -> None:
        self.network, self.config = network, config or BoxTrackerConfig()
        self._cropper: Cropper | None = None

    def init(self, frame: Frame, box: Sequence[float]) -> None:
        """Starts to follow a target, in place of any earlier one.

        Args:
            frame: The frame in which the target is marked.
            box: The target's box (x, y, w, h), in pixels, counted from 0.

        Raises:
            InputError: The frame is not such an array, or no target can be in the box. An earlier
                target is kept.
        """
        frame = as_bgr(frame)
        cropper = Cropper(frame, CROPS)
        first = check_box(box, cropper.frame_size)
        square = Square(first.center, context_side(first.w, first.h))
        self._exemplar = self.network.exemplar(cropper.crop(frame, [square], CROPS.exemplar_size))
        self._cropper, self._box, self._motion = cropper, first, Motion(first.center)

    def look(self, frame: Frame, believed: Box) -> tuple[Box, float]:
        """Finds the target near a box, and says how sure that is. This changes nothing.

        Args:
            frame: A frame of the same size as the first one.
            believed: The box in which the target is expected.

        Raises:
            InputError: As `update`.
        """
        side = context_side(believed.w, believed.h) * CROPS.search_size / CROPS.exemplar_size
        square = Square(believed.center, side)
        crop = self._crops().crop(frame, [square], CROPS.search_size)
        scale = side / CROPS.search_size
        size = believed.w / scale, believed.h / scale
        answer = self.network.search(self._exemplar, crop, size)
        (x, y, w, h), score = decide(answer, size, self.config.decision)
        cx, cy = believed.center
        return Box.from_center(cx + x * scale, cy + y * scale, w * scale, h * scale), score

    def update(self, frame: Frame) -> Track:
        """Finds the target in the next frame.

        Raises:
            InputError: There was no `init` before, the frame is not a BGR or grey uint8 array, or
                it has another size than the first one.
        """
        width, height = self._crops().frame_size
        (x, y), (dx, dy) = self._box.center, self._motion.steady
        found, score = self.look(frame, self._placed(x + dx, y + dy, self._box))
        rate = self.config.size_rate * score
        w, h = (a + rate * (b - a) for a, b in zip(self._box[2:], found[2:], strict=True))
        sized = Box(0, 0, min(max(w, SMALLEST), width), min(max(h, SMALLEST), height))
        self._box = self._placed(*found.center, sized)
        sure = score >= self.config.sure_above
        self._motion.observe(self._box.center, sure)
        return Track(clip_box(self._box, (width, height)), score, not sure)

    def _crops(self) -> Cropper:
        if self._cropper is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update")
        return self._cropper

    def _placed(self, x: float, y: float, size: Box) -> Box:
        """A box of that size, with its centre as near to (x, y) as the frame allows."""
        width, height = self._crops().frame_size
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        return Box.from_center(x, y, size.w, size.h)
