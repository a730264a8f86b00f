"""SiamFC's online tracker: one target followed through a video from its first box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.geometry import (
    Box,
    Frame,
    Point,
    Square,
    as_bgr,
    check_box,
    crop_square_reference,
    crop_squares,
    mean_color,
)

from .confidence import Confidence, LostFlag
from .config import TrackerConfig
from .motion import Motion
from .recovery import Surroundings
from .response import Features, Peak, Responses, correlate, find_peak
from .target import Target

if TYPE_CHECKING:
    from rbsf.embedder import Embedder

Crops = NDArray[np.uint8]
"""RGB uint8, N x S x S x 3."""


class Track(NamedTuple):
    """The target in one frame."""

    box: Box
    """Clipped to the frame, except with `parity`."""
    score: float
    """How surely this is the target, 0..1 (see `tracker.loop.confidence`)."""
    lost: bool
    """The score has been low for some frames and has not recovered."""


class SiamFCTracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for each frame that comes.

    Frames are BGR uint8 HxWx3 as OpenCV gives them; grey ones are accepted. One embedder serves
    many trackers; `TrackerGroup` also puts their crops in one batch.

    By default the traps of siamfc-pytorch are mended: the centre stays in the frame and the size
    near the first one, a flat response moves nothing that was still, the scale penalty holds
    whatever the sign of a response, and a score and a lost flag are given; and the search goes
    ahead of a target in steady motion. `parity` leaves all that out and repeats the reference's
    numbers. Source: SiamFC (Bertinetto 2016); siamfc-pytorch.
    """

    def __init__(self, embedder: Embedder, config: TrackerConfig | None = None) -> None:
        self.embedder = embedder
        self.config = config or TrackerConfig()
        self._current: Target | None = None

    @property
    def target(self) -> Target:
        """Where the target is and how large.

        Raises:
            InputError: no `init` before.
        """
        if self._current is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update")
        return self._current

    def init(self, frame: Frame, box: Sequence[float]) -> None:
        """Starts, or starts anew, from a box (x, y, w, h), pixels, 0-indexed.

        Raises:
            InputError: no BGR or grey uint8 frame, or a box no target can be in.
        """
        exemplar_crop = self.exemplar_crop(frame, box)
        self.learn(self.embedder(exemplar_crop), self.embedder(self.search_crops(frame)))

    def update(self, frame: Frame) -> Track:
        """The target in the next frame.

        Raises:
            InputError: no BGR or grey uint8 frame, or no `init` before.
        """
        return self.locate(self.embedder(self.search_crops(frame)))

    # The halves of init and of update: a group embeds the crops of all its targets in between.

    def exemplar_crop(self, frame: Frame, box: Sequence[float]) -> Crops:
        """Takes the target in; returns its crop, 1 x 127 x 127 x 3."""
        frame = as_bgr(frame)
        self._frame_size = (frame.shape[1], frame.shape[0])
        first = check_box(box, self._frame_size)
        self._current = Target(first, self.config.context, bounded=not self.config.parity)
        self._fill = mean_color(frame)
        self._lost = LostFlag(self.config)
        self._motion = Motion(first.center)
        self._sure_center = first.center
        self._surroundings: Surroundings | None = None
        self._frames = 0
        exemplar = Square(first.center, self.target.side)
        return self._crop(frame, [exemplar], self.config.exemplar_size)

    def learn(self, exemplars: Features, searches: Features) -> None:
        """Takes the features of the exemplar crop and of the first frame's search crops."""
        self._exemplar = self._first_exemplar = self._running_exemplar = exemplars[0]
        responses = self._respond(searches)
        self._confidence = Confidence(responses[self._here // 2])

    def search_crops(self, frame: Frame) -> Crops:
        """What is looked at in a frame: one crop a scale, then surroundings while lost.

        Of every `scale_every` frames, all but one are searched at the present scale alone.

        Returns:
            N x 255 x 255 x 3.
        """
        frame, side = as_bgr(frame), self._search_side
        self._frame_size = (frame.shape[1], frame.shape[0])
        center = self._expected_center()
        all_scales = self._frames % self.config.scale_every == 0
        self._frames += 1
        factors = self.config.scale_factors if all_scales else [1.0]
        self._here = len(factors)
        self._views = [Square(center, side * factor) for factor in factors]
        if self._surroundings:
            around = self._surroundings.next(self.config.research_crops)
            self._views += [Square(center, side) for center in around]
        return self._crop(frame, self._views, self.config.search_size)

    def locate(self, searches: Features) -> Track:
        """The target, from the features of `search_crops`, N x C x 22 x 22."""
        # responses
        responses = self._respond(searches)
        # peak scale and peak location
        peak = find_peak(responses[: self._here], self.config)
        score = self._confidence.score(responses[peak.crop], peak)
        # a lost target that is not here may be elsewhere
        if self._surroundings and score < self.config.lost_below:
            peak, score = self._look_around(responses, peak, score)
        # locate the target
        view, side = self._views[peak.crop], self._search_side
        cell = self.config.stride * view.side / self.config.search_size
        x, y = view.center
        self.target.move_to(x + peak.dx * cell, y + peak.dy * cell, self._frame_size)
        # update its size, which holds still while lost
        if not self._surroundings:
            growth = 1 + self.config.scale_lr * (view.side / side - 1)
            self.target.grow(growth, self._frame_size)
        # is it still the target?
        self._heed(score)
        if self.config.template_rate and score >= self.config.found_above:
            self._refresh(searches[peak.crop], peak.cell(responses.shape[1:]))
        return Track(self.target.box(self._frame_size), score, self._lost.lost)

    @property
    def _search_side(self) -> float:
        """Side of the search square at the present scale, pixels."""
        return self.target.side * self.config.search_size / self.config.exemplar_size

    def _crop(self, frame: Frame, views: list[Square], size: int) -> Crops:
        """The views' crops, RGB."""
        if not self.config.parity:
            return crop_squares(frame, views, size, self._fill)
        crops = np.empty((len(views), size, size, 3), np.uint8)
        for crop, (center, side) in zip(crops, views, strict=True):
            bgr = crop_square_reference(frame, center, side, size, self._fill)
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, crop)
        return crops

    def _respond(self, searches: Features) -> Responses:
        """Logits of the target being at each cell, N x 17 x 17."""
        gain, bias = self.embedder.response_gain, self.embedder.response_bias
        return correlate(self._exemplar, searches) * np.float32(gain) + np.float32(bias)

    def _look_around(self, responses: Responses, peak: Peak, score: float) -> tuple[Peak, float]:
        """The best of the surroundings' peaks, if the target is surely there; else those given."""
        for index in range(self._here, len(responses)):
            here = find_peak(responses[index : index + 1], self.config)
            here_score = self._confidence.score(responses[index], here)
            if here_score >= self.config.elsewhere_above and here_score > score:
                peak, score = here._replace(crop=index), here_score
        return peak, score

    def _expected_center(self) -> Point:
        """Where the target will be if it goes on as it did."""
        if self.config.parity or not self.config.motion:
            return self.target.center
        (x, y), (dx, dy) = self.target.center, self._motion.steady
        return self.target.nearest(x + dx, y + dy, self._frame_size)

    def _heed(self, score: float) -> None:
        """Raises or lowers the lost flag; a wider search starts and ends with it."""
        sure = score >= self.config.lost_below
        if sure:
            self._sure_center = self.target.center
        lost = self._lost.update(score)
        self._motion.heed(self.target.center, sure and not lost)
        if not lost:
            self._surroundings = None
        elif self._surroundings is None and not self.config.parity:
            radius = self.config.research_radius
            self._surroundings = Surroundings(
                self._sure_center, self._search_side, radius, self._frame_size
            )

    def _refresh(self, search: NDArray[np.float32], cell: tuple[int, int]) -> None:
        """Blends the target's present looks into the exemplar, half of which stays the first.

        No padding is in the network, so what an exemplar crop there would embed to stands in the
        search features already (to the nearest cell).
        """
        (row, column), (_, height, width) = cell, self._exemplar.shape
        rate = np.float32(self.config.template_rate)
        present = search[:, row : row + height, column : column + width]
        self._running_exemplar = (1 - rate) * self._running_exemplar + rate * present
        self._exemplar = (self._first_exemplar + self._running_exemplar) / 2
