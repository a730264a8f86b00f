"""SiamFC's answer to a single step: the peak of its response, at the believed size."""

from __future__ import annotations

from rbsf.embedder import Embedder
from rbsf.geometry import Box, Frame, Square, as_bgr, context_side

from ..loop.config import TrackerConfig
from ..loop.response import find_peak
from ..loop.template import Template
from ..loop.view import Cropper


class PeakLooker:
    """A tracker without a box head, with which `single_step` compares one that has it.

    Args:
        embedder: The network.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder, self.config = embedder, TrackerConfig(scales=1)

    def init(self, frame: Frame, box: Box) -> None:
        """Takes the target from the first frame."""
        frame = as_bgr(frame)
        self._cropper = Cropper(frame, self.config)
        square = Square(box.center, context_side(box.w, box.h, self.config.context))
        crop = self._cropper.crop(frame, [square], self.config.exemplar_size)
        self._template = Template(self.embedder(crop)[0], self.embedder)

    def look(self, frame: Frame, believed: Box) -> tuple[Box, float]:
        """Moves the believed box to the peak.

        Returns:
            The box, and the highest logit as its score.
        """
        side = context_side(believed.w, believed.h, self.config.context)
        side *= self.config.search_size / self.config.exemplar_size
        view = self._cropper.look(frame, [Square(believed.center, side)])
        responses = self._template.respond(self.embedder(view.crops))
        peak = find_peak(responses, self.config)
        cell = self.config.stride * side / self.config.search_size
        x, y = believed.center
        box = Box.from_center(x + peak.dx * cell, y + peak.dy * cell, believed.w, believed.h)
        return box, float(responses.max())
