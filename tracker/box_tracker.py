"""A tracker whose network tells boxes: one search crop a frame, place and size from its head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from rbsf.config import Settings
from rbsf.geometry import (
    Box,
    Frame,
    Square,
    as_bgr,
    check_box,
    clip_box,
    context_side,
    crop_squares,
    mean_color,
)
from tracker.box_decision import DecisionConfig, decide
from tracker.motion import Motion
from tracker.tracker import Track

if TYPE_CHECKING:
    from rbsf.torch_box_network import TorchBoxNetwork

EXEMPLAR_SIZE, SEARCH_SIZE = 127, 255
SMALLEST = 4.0
"""Pixels of the frame; no side shrinks below this."""


class BoxTrackerConfig(Settings):
    """How a target is followed from frame to frame."""

    decision: DecisionConfig = DecisionConfig()
    size_rate: float = Field(0.3, ge=0, le=1)
    """Share of the size told that is taken over at a score of 1; less at a lower one."""
    sure_above: float = Field(0.3, ge=0, le=1)
    """Below this score a move is no motion."""


class BoxTracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for each frame that comes.

    Frames are BGR uint8 HxWx3 as OpenCV gives them; grey ones are accepted.
    """

    def __init__(self, network: TorchBoxNetwork, config: BoxTrackerConfig | None = None) -> None:
        self.network, self.config = network, config or BoxTrackerConfig()

    def init(self, frame: Frame, box: Sequence[float]) -> None:
        """Starts, or starts anew, from a box (x, y, w, h), pixels, 0-indexed.

        Raises:
            InputError: no BGR or grey uint8 frame, or a box no target can be in.
        """
        frame = as_bgr(frame)
        self._box = check_box(box, (frame.shape[1], frame.shape[0]))
        self._fill = mean_color(frame)
        self._motion = Motion(self._box.center)
        square = Square(self._box.center, context_side(self._box.w, self._box.h))
        crop = crop_squares(frame, [square], EXEMPLAR_SIZE, self._fill)
        self._exemplar = self.network.exemplar(crop)

    def look(self, frame: Frame, believed: Box) -> tuple[Box, float]:
        """Where the target is, told that it should be at `believed`, and the score of that.

        Nothing is remembered: the tracker's own belief stays as it was.
        """
        side = context_side(believed.w, believed.h) * SEARCH_SIZE / EXEMPLAR_SIZE
        crop = crop_squares(as_bgr(frame), [Square(believed.center, side)], SEARCH_SIZE, self._fill)
        scale = side / SEARCH_SIZE
        size = believed.w / scale, believed.h / scale
        answer = self.network.search(self._exemplar, crop, size)
        (x, y, w, h), score = decide(answer, size, self.config.decision)
        cx, cy = believed.center
        return Box.from_center(cx + x * scale, cy + y * scale, w * scale, h * scale), score

    def update(self, frame: Frame) -> Track:
        """The target in the next frame.

        Raises:
            InputError: no BGR or grey uint8 frame, or no `init` before.
        """
        height, width = as_bgr(frame).shape[:2]
        (x, y), (dx, dy) = self._box.center, self._motion.steady
        found, score = self.look(frame, self._placed(x + dx, y + dy, self._box, width, height))
        rate = self.config.size_rate * score
        w, h = (a + rate * (b - a) for a, b in zip(self._box[2:], found[2:], strict=True))
        sized = Box(0, 0, min(max(w, SMALLEST), width), min(max(h, SMALLEST), height))
        self._box = self._placed(*found.center, sized, width, height)
        self._motion.heed(self._box.center, score >= self.config.sure_above)
        return Track(clip_box(self._box, (width, height)), score, score < self.config.sure_above)

    @staticmethod
    def _placed(x: float, y: float, size: Box, width: int, height: int) -> Box:
        """A box of that size, its centre as near to (x, y) as the frame allows."""
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        return Box.from_center(x, y, size.w, size.h)
