"""SiamFC's answer to one step: the response's peak, at the believed size."""

from __future__ import annotations

from rbsf.embedder import Embedder
from rbsf.geometry import Box, Frame, Square, as_bgr, context_side, crop_squares, mean_color
from tracker.config import TrackerConfig
from tracker.response import correlate, find_peak


class PeakLooker:
    """What `tracker.evaluation.single_step` compares a box head with.

    Args:
        embedder: a network without a head.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder, self.config = embedder, TrackerConfig(scales=1)

    def init(self, frame: Frame, box: Box) -> None:
        """Takes the target from the first frame."""
        frame = as_bgr(frame)
        self._fill = mean_color(frame)
        square = Square(box.center, context_side(box.w, box.h, self.config.context))
        crop = crop_squares(frame, [square], self.config.exemplar_size, self._fill)
        self._exemplar = self.embedder(crop)[0]

    def look(self, frame: Frame, believed: Box) -> tuple[Box, float]:
        """The believed box moved to the peak, and the peak's height as a score (no probability)."""
        side = context_side(believed.w, believed.h, self.config.context)
        side *= self.config.search_size / self.config.exemplar_size
        view = Square(believed.center, side)
        crop = crop_squares(as_bgr(frame), [view], self.config.search_size, self._fill)
        responses = correlate(self._exemplar, self.embedder(crop))
        responses = responses * self.embedder.response_gain + self.embedder.response_bias
        peak = find_peak(responses, self.config)
        cell = self.config.stride * side / self.config.search_size
        x, y = believed.center
        box = Box.from_center(x + peak.dx * cell, y + peak.dy * cell, believed.w, believed.h)
        return box, float(responses.max())
