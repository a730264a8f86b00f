"""What a target needs to see of a frame, cut out as the network takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.geometry import (
    Frame,
    Square,
    as_bgr,
    crop_square_reference,
    crop_squares,
    mean_color,
)

from .config import TrackerConfig

Crops = NDArray[np.uint8]
"""RGB uint8, N x S x S x 3."""


class View(NamedTuple):
    """The search crops of one frame, ready for the network."""

    crops: Crops
    """N x 255 x 255 x 3."""
    squares: list[Square]
    """The square of the frame that each crop shows."""
    scales: int
    """How many crops show the expected place, one per scale. They come first; the other crops show
    places around it, where a lost target may be."""


class Cropper:
    """Cuts square crops out of frames that all have the size of the first one.

    Args:
        frame: The first frame. Its mean colour fills what lies outside of later frames.
        config: The tracker's settings.
    """

    def __init__(self, frame: Frame, config: TrackerConfig) -> None:
        self.frame_size = frame.shape[1], frame.shape[0]
        self._config = config
        self._fill = mean_color(frame)

    def look(
        self, frame: Frame, around: Sequence[Square], elsewhere: Sequence[Square] = ()
    ) -> View:
        """Cuts out the squares to search.

        Args:
            frame: A BGR or grey uint8 frame.
            around: The squares around the expected place, one per scale.
            elsewhere: The squares in which a lost target is looked for.

        Raises:
            InputError: The frame is not a BGR or grey uint8 array, or has another size.
        """
        squares = [*around, *elsewhere]
        crops = self.crop(frame, squares, self._config.search_size)
        return View(crops, squares, len(around))

    def checked(self, frame: Frame) -> Frame:
        """A frame in BGR.

        Raises:
            InputError: As `look`.
        """
        frame = as_bgr(frame)
        height, width = frame.shape[:2]
        if (width, height) != self.frame_size:
            raise InputError(
                f"the frame is {width}x{height}, but those before it are "
                "{}x{}: resize it, or call init again with a box in it".format(*self.frame_size)
            )
        return frame

    def crop(self, frame: Frame, squares: Sequence[Square], size: int) -> Crops:
        """Resamples squares of a frame to size x size pixels each, in RGB.

        Raises:
            InputError: As `look`.
        """
        frame = self.checked(frame)
        if not self._config.parity:
            return crop_squares(frame, squares, size, self._fill)
        crops = np.empty((len(squares), size, size, 3), np.uint8)
        for crop, (center, side) in zip(crops, squares, strict=True):
            bgr = crop_square_reference(frame, center, side, size, self._fill)
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, crop)
        return crops
