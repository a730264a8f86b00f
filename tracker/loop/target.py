"""One target and one frame: `Start`, then `Target.look` and `Target.locate` for every next frame.

The network stands between the steps, so that several targets can share one batch:

    start = Start(frame, box, config)
    (exemplar,), searches = embedder(start.exemplar), embedder(start.view.crops)
    target = Target(start, Template(exemplar, embedder), searches)

    view = target.look(next_frame)
    track = target.locate(view, embedder(view.crops))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rbsf.geometry import Box, Frame, Square, as_bgr, check_box

from .confidence import Confidence, LostFlag
from .config import TrackerConfig
from .place import Place
from .recovery import Surroundings
from .response import Features, Peak, Responses, find_peak
from .template import Template
from .view import Cropper, View

WITHOUT_WARNINGS = np.errstate(over="ignore", invalid="ignore")
"""A response that overflows or is no number has no peak (see `find_peak`). It needs no warning."""


class Track(NamedTuple):
    """The target in one frame."""

    box: Box
    """The target's box, clipped to the frame except with `parity`."""
    score: float
    """How sure it is that this is the target, 0 to 1 (see `tracker.loop.confidence`)."""
    lost: bool
    """Whether the score has been low for some frames and has not recovered since."""


class Start:
    """A target in the frame in which it is marked, and the crops to embed before it is followed.

    Args:
        frame: A BGR uint8 frame, HxWx3, or a grey one, HxW.
        box: The target's box (x, y, w, h), in pixels, counted from 0.
        config: The tracker's settings.

    Raises:
        InputError: The frame is not such an array, or no target can be in the box.
    """

    def __init__(self, frame: Frame, box: Sequence[float], config: TrackerConfig) -> None:
        frame = as_bgr(frame)
        self.config = config
        self.cropper = Cropper(frame, config)
        size = self.cropper.frame_size
        self.place = Place(check_box(box, size), size, config)
        exemplar_square = self.place.exemplar_square
        self.exemplar = self.cropper.crop(frame, [exemplar_square], config.exemplar_size)
        """The exemplar crop z, 1 x 127 x 127 x 3."""
        self.view = self.look(frame)
        """The search crops x of the same frame, one per scale."""

    def look(self, frame: Frame) -> View:
        """Cuts the search crops around the first place out of any frame of this size."""
        return self.cropper.look(frame, self.place.search_squares(all_scales=True))


class Target:
    """A target that is being followed: all that is known of it.

    Args:
        start: The target in its first frame.
        template: The exemplar's feature.
        searches: The features of the first frame's search crops, N x C x 22 x 22.
    """

    @WITHOUT_WARNINGS
    def __init__(self, start: Start, template: Template, searches: Features) -> None:
        self.config, self.cropper = start.config, start.cropper
        self.place, self.template = start.place, template
        first_response = template.respond(searches)[start.view.scales // 2]
        self.confidence = Confidence(first_response)
        self.lost_flag = LostFlag(start.config)
        self.sure_center = start.place.center
        """The last place where the target surely was."""
        self.surroundings: Surroundings | None = None
        """The places where a lost target is looked for; None while it is not lost."""
        self.frames = 1
        """How many frames have been seen."""

    def look(self, frame: Frame) -> View:
        """Cuts out what the network must see of the next frame. This changes nothing.

        There is one crop per scale, and while the target is lost, crops of its surroundings. Out of
        every `scale_every` frames, all but one are searched at the present scale alone.

        Raises:
            InputError: The frame is not a BGR or grey uint8 array, or has another size.
        """
        all_scales = self.frames % self.config.scale_every == 0
        around = self.place.search_squares(all_scales=all_scales)
        elsewhere: list[Square] = []
        if self.surroundings:
            side = self.place.search_side
            centers = self.surroundings.upcoming(self.config.research_crops)
            elsewhere = [Square(center, side) for center in centers]
        return self.cropper.look(frame, around, elsewhere)

    @WITHOUT_WARNINGS
    def locate(self, view: View, searches: Features) -> Track:
        """Finds the target in the features of a view's crops, N x C x 22 x 22."""
        config, place = self.config, self.place
        # responses
        responses = self.template.respond(searches)
        # peak scale and peak location
        peak = find_peak(responses[: view.scales], config)
        score = self.confidence.score(responses[peak.crop], peak)
        # a lost target that is not here may be elsewhere
        if self.surroundings and score < config.lost_below:
            peak, score = self._look_elsewhere(responses, view.scales, peak, score)
        # locate the target
        (x, y), side = view.squares[peak.crop]
        cell = config.stride * side / config.search_size
        place.move_to(x + peak.dx * cell, y + peak.dy * cell)
        # update its size, which holds still while the target is lost
        if not self.surroundings:
            place.grow(1 + config.scale_lr * (side / place.search_side - 1))
        # is it still the target?
        lost = self._judge(score, searched=len(view.squares) - view.scales)
        # update the template
        if config.template_rate and score >= config.found_above:
            cell_of_peak = peak.cell(responses.shape[1:])
            self.template.blend(searches[peak.crop], cell_of_peak, config.template_rate)
        self.frames += 1
        return Track(place.box, score, lost)

    def _look_elsewhere(
        self, responses: Responses, scales: int, peak: Peak, score: float
    ) -> tuple[Peak, float]:
        """The best peak of the surroundings if the target surely is there, else the given one."""
        for index in range(scales, len(responses)):
            there = find_peak(responses[index : index + 1], self.config)
            score_there = self.confidence.score(responses[index], there)
            if score_there >= self.config.elsewhere_above and score_there > score:
                peak, score = there._replace(crop=index), score_there
        return peak, score

    def _judge(self, score: float, searched: int) -> bool:
        """Says whether the target is lost. A wider search begins and ends with that.

        Args:
            score: The score of the target in this frame.
            searched: How many of the surroundings have been looked at in this frame.
        """
        config, place = self.config, self.place
        sure = score >= config.lost_below
        if sure:
            self.sure_center = place.center
        lost = self.lost_flag.update(score)
        if place.motion:
            place.motion.observe(place.center, sure and not lost)
        if not lost:
            self.surroundings = None
        elif self.surroundings:
            self.surroundings.advance(searched)
        elif not config.parity:
            self.surroundings = Surroundings(
                self.sure_center, place.search_side, config.research_radius, place.frame_size
            )
        return lost
