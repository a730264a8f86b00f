"""One look at a frame: a crop around a believed box, the network's answer, and its best box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Box, Frame, Point, Square, as_bgr, context_side

from .box_correction import Correction, CorrectionConfig
from .box_decision import Decision, DecisionConfig, decide
from .config import TrackerConfig
from .view import Cropper

if TYPE_CHECKING:
    from rbsf.engine.box_answer import BoxNetwork

CROPS = TrackerConfig()
"""The sizes of crops are SiamFC's."""


class Found(NamedTuple):
    """What a look has found."""

    box: Box
    """The best box, in the frame's pixels, corrected by what was seen in the first frame."""
    decision: Decision
    """What led to it."""
    others: tuple[Found, ...] = ()
    """What else looks like the target, the likeliest first."""


class Eye:
    """Looks for one target, which it has seen in its first frame. Looking changes nothing.

    Args:
        network: The network with a box head.
        frame: The first frame.
        box: The target's box in it.
        config: How a box is chosen from what the network says.
        correction: How boxes are corrected by what the network sees in the first frame.
    """

    def __init__(
        self,
        network: BoxNetwork,
        frame: Frame,
        box: Box,
        config: DecisionConfig,
        correction: CorrectionConfig,
    ) -> None:
        frame = as_bgr(frame)
        self._network, self._config, self._cropper = network, config, Cropper(frame, CROPS)
        self._first = self._feature = self._embed(frame, box)
        self._exemplar = network.exemplar(self._feature)
        self._correction = Correction()
        if correction.share:
            self._correction = Correction.of(box, self.look(frame, box).box, correction)

    def __getstate__(self) -> dict[str, Any]:
        """All but the exemplar, which may live in compiled code."""
        return {key: value for key, value in self.__dict__.items() if key != "_exemplar"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._exemplar = self._network.exemplar(self._feature)

    @property
    def frame_size(self) -> tuple[int, int]:
        """The (width, height) of every frame, in pixels."""
        return self._cropper.frame_size

    def check(self, frame: Frame) -> None:
        """Checks that a frame is one, and has the size of the first.

        Raises:
            InputError: It is not, or has not.
        """
        self._cropper.checked(frame)

    def learn(self, frame: Frame, box: Box, rate: float, kept: float) -> None:
        """Takes over a share of how the target looks now.

            exemplar = exemplar + rate (kept first + (1 - kept) now - exemplar)

        This is kept first + (1 - kept) m, where m is a running mean: m = m + rate (now - m).

        Args:
            frame: A frame of the same size as the first one.
            box: The target's box in it.
            rate: The share that is taken over, from 0 to 1.
            kept: The weight of the first look, which never fades, from 0 to 1.
        """
        now = self._embed(as_bgr(frame), box)
        wanted = now + np.float32(kept) * (self._first - now)
        self._feature = self._feature + np.float32(rate) * (wanted - self._feature)
        self._exemplar = self._network.exemplar(self._feature)

    def _embed(self, frame: Frame, box: Box) -> NDArray[np.float32]:
        """The feature of the exemplar that is cut around a box."""
        square = Square(box.center, context_side(box.w, box.h))
        crop = self._cropper.crop(frame, [square], CROPS.exemplar_size)
        return self._network.exemplar_feature(crop)

    def look(self, frame: Frame, believed: Box, last: Point | None = None) -> Found:
        """Finds the target near a box.

        Args:
            frame: A frame of the same size as the first one.
            believed: The box in which the target is expected. It decides how far around the target
                is looked for, and for which size.
            last: Where the target was last seen, in pixels of the frame. Places near it are
                preferred. None means the middle of the believed box.

        Raises:
            InputError: The frame is not a BGR or grey uint8 array, or has another size.
        """
        side = search_side(believed)
        square = Square(believed.center, side)
        crop = self._cropper.crop(frame, [square], CROPS.search_size)
        scale = side / CROPS.search_size
        size = believed.w / scale, believed.h / scale
        answer = self._network.search(self._exemplar, crop, size)
        (x, y), (last_x, last_y) = believed.center, last or believed.center
        near = (last_x - x) / scale, (last_y - y) / scale
        decision = decide(answer, size, self._config, near)
        best, *others = (
            Found(self._correction(_in_frame(one.box, believed.center, scale)), one)
            for one in (decision, *decision.others)
        )
        return best._replace(others=tuple(others))


def _in_frame(box: tuple[float, float, float, float], center: Point, scale: float) -> Box:
    """A box in the frame, from one that counts from the crop's middle in the crop's pixels."""
    x, y, w, h = box
    cx, cy = center
    return Box.from_center(cx + x * scale, cy + y * scale, w * scale, h * scale)


def search_side(box: Box) -> float:
    """The side of the square in which a target of a box's size is looked for, in pixels."""
    return context_side(box.w, box.h) * CROPS.search_size / CROPS.exemplar_size
