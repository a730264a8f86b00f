"""A tracker whose network gives boxes: its head finds place and size in one crop per frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame, as_bgr, check_box, clip_box, iou

from .box_config import BoxTrackerConfig
from .box_look import Eye, Found
from .box_score import Evidence, Score
from .check import checked_box_network, checked_config
from .doubt import Doubt
from .motion import Motion
from .neighbours import Neighbours
from .target import Track
from .whole_frame import WholeFrame

if TYPE_CHECKING:
    from rbsf.engine.box_answer import BoxNetwork

SMALLEST = 4.0
"""No side of a box shrinks below this many pixels of the frame."""
TINY = 1e-6
"""A side of a found box counts as at least this long. A network may say that it is 0."""
SAME = 0.5
"""Two looks have found the same if their boxes have an IoU above this."""


class BoxTracker:
    """Follows one target: `init(frame, box)`, then `update(frame)` for every next frame.

    In each frame it looks once, around the place where a steady motion leads. There it prefers what
    is near the place where the target was last seen, since a motion may end: a ball bounces.

    From a low score on, until a high one, it also looks at some places elsewhere in the frame. It
    goes to the best of them if that is likelier than what was found at the expected place, and if a
    look around it finds the same box again, with a score as high. The target counts as lost when
    too much doubt has gathered in these frames.

    Things beside the target that look like it are followed along. While one of them hides the
    target, the tracker waits where the target was last seen, and says that it is lost.

    Every few frames, if it is sure, its exemplar takes over a share of how the target looks now.

    Frames are BGR uint8 arrays HxWx3, as OpenCV gives them, or grey ones, HxW.

    A tracker can be pickled, and goes on with the same numbers where it is unpickled.

    Args:
        network: The network with a box head, from `rbsf.load_embedder`.
        config: The tracker's settings. None uses the defaults.

    Raises:
        InputError: The network or the settings are of another type.
    """

    def __init__(self, network: BoxNetwork, config: BoxTrackerConfig | None = None) -> None:
        self.network = checked_box_network(network)
        self.config = checked_config(config, BoxTrackerConfig)
        self.evidence: Evidence | None = None
        """What the score of the last frame was made from; None before the first `update`."""
        self._eye: Eye | None = None
        self._search: WholeFrame | None = None

    def init(self, frame: Frame, box: Sequence[float]) -> None:
        """Starts to follow a target, in place of any earlier one.

        Args:
            frame: The frame in which the target is marked.
            box: The target's box (x, y, w, h), in pixels, counted from 0.

        Raises:
            InputError: The frame is not such an array, or no target can be in the box. An earlier
                target is kept.
        """
        height, width = as_bgr(frame).shape[:2]
        first = check_box(box, (width, height))
        decision, correction = self.config.decision, self.config.correction
        self._eye = Eye(self.network, frame, first, decision, correction)
        self._box, self._motion, self._score = first, Motion(first.center), Score(self.config.score)
        self._first = self._last_sure = first
        self._search, self.evidence = None, None
        self._neighbours = Neighbours()
        self._frames = 0

    def check(self, frame: Frame) -> None:
        """Checks that a frame can be the next one.

        Raises:
            InputError: As `update`.
        """
        self._opened.check(frame)

    def look(self, frame: Frame, believed: Box) -> tuple[Box, float]:
        """Finds the target near a box, and says how likely that is. This changes nothing.

        Args:
            frame: A frame of the same size as the first one.
            believed: The box in which the target is expected.

        Raises:
            InputError: As `update`.
        """
        found = self._opened.look(frame, believed)
        return found.box, Score(self.config.score).of(found.decision)

    def update(self, frame: Frame) -> Track:
        """Finds the target in the next frame.

        Raises:
            InputError: There was no `init` before, the frame is not a BGR or grey uint8 array, or
                it has another size than the first one. The target stays where it was.
        """
        # where it is expected, and where else a lost target is
        eye = self._opened
        (x, y), (dx, dy) = self._box.center, self._motion.steady
        expected = self._placed(x + dx, y + dy, self._box)
        best = eye.look(frame, expected, last=self._box.center)
        self._frames += 1
        found = self._without_neighbours(best, expected)
        if not found:
            return self._wait(best)
        score = self._score.of(found.decision)
        elsewhere = self._elsewhere(frame, score)
        # follow it, or go there
        if elsewhere:
            self._go(elsewhere)
        else:
            self._follow(found)
        # is it still the target?
        decision = (elsewhere or found).decision
        score, self.evidence = self._score.of(decision), self._score.evidence(decision)
        self._score.remember(decision)
        lost = self._judge(score)
        self._learn(frame, score)
        return Track(clip_box(self._box, eye.frame_size), score, lost)

    def _without_neighbours(self, best: Found, expected: Box) -> Found | None:
        """Which of what was found is the target, or None if a neighbour hides it.

        A target that may be lost may be anywhere, and so it is hidden by none.
        """
        limit = self.config.hidden_frames
        if not limit:
            return best
        target = best if self._search else self._neighbours.target(best, expected)
        if self._neighbours.hidden > limit:
            self._neighbours = Neighbours()
            return best
        found = (best, *best.others)
        self._neighbours.observe([one for one in found if one is not target], expected)
        return target

    def _wait(self, neighbour: Found) -> Track:
        """Stays at the place where a neighbour hides the target.

        By how much the neighbour is believed more than anything else, so much less is the target.
        The score is no higher than that from which on doubt gathers.
        """
        self._motion = Motion(self._box.center)
        decision = neighbour.decision._replace(margin=-abs(neighbour.decision.margin))
        self.evidence = self._score.evidence(decision)
        score = min(self._score.of(decision), self.config.lost_below)
        return Track(clip_box(self._box, self._opened.frame_size), score, lost=True)

    def _elsewhere(self, frame: Frame, here: float) -> Found | None:
        """What is found in the whole frame while the target may be lost, if it can be believed.

        Args:
            frame: The frame.
            here: The score of what was found where the target is expected.
        """
        config, eye = self.config.recovery, self._opened
        if not self._search or not config.crops or here >= config.below:
            return None
        score = Score(self.config.score)
        looks = [eye.look(frame, box) for box in self._search.next(config.crops)]
        best = max(looks, key=lambda found: score.of(found.decision))
        if score.of(best.decision) < max(config.believed_above, here):
            return None
        again = eye.look(frame, self._placed(*best.box.center, best.box))
        same = iou(again.box, best.box) > SAME
        return again if same and score.of(again.decision) >= config.believed_above else None

    def _follow(self, found: Found) -> None:
        """Moves to what was found where it was expected, and takes over some of its size."""
        config = self.config
        rate = config.size_rate * found.decision.score
        sides = drawn_to(self._first, found.box, shape=config.shape_kept, size=config.size_kept)
        w, h = (a + rate * (b - a) for a, b in zip(self._box[2:], sides, strict=True))
        self._box = self._placed(*found.box.center, Box(0, 0, w, h))
        self._motion.observe(self._box.center, found.decision.score >= config.moves_above)

    def _go(self, found: Found) -> None:
        """Goes to another place, where nothing is known of the target's motion."""
        self._box = self._placed(*found.box.center, found.box)
        self._motion, self._score = Motion(self._box.center), Score(self.config.score)
        self._neighbours = Neighbours()

    def _learn(self, frame: Frame, score: float) -> None:
        """Takes over a share of how the target looks, in a frame in which it is surely there."""
        learning = self.config.learning
        due = self._frames % learning.every == 0
        if learning.rate and due and score > learning.above and not self._search:
            self._opened.learn(frame, self._box, learning.rate, learning.kept)

    def _judge(self, score: float) -> bool:
        """Says whether the target is lost.

        The search elsewhere begins with the first low score, and nothing is learned from then on.
        The flag begins when enough doubt has gathered. All of it ends with the first score that is
        high enough.
        """
        config = self.config
        if score >= (config.found_above if self._search else config.lost_below):
            self._last_sure, self._search = self._box, None
            return False
        if not self._search:
            size = self._opened.frame_size
            self._search = WholeFrame(self._last_sure, config.recovery.sizes, size)
            self._doubt = Doubt(config.lost_below, config.doubt)
        return self._doubt.is_too_large(score)

    @property
    def _opened(self) -> Eye:
        """The eye that has seen the target.

        Raises:
            InputError: There was no `init` before.
        """
        if self._eye is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update")
        return self._eye

    def _placed(self, x: float, y: float, size: Box) -> Box:
        """A box of about that size, with its centre as near to (x, y) as the frame allows."""
        width, height = self._opened.frame_size
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        w, h = min(max(size.w, SMALLEST), width), min(max(size.h, SMALLEST), height)
        return Box.from_center(x, y, w, h)


def drawn_to(first: Box, box: Box, *, shape: float, size: float) -> tuple[float, float]:
    """The width and height of a box that is drawn to the first one, in pixels.

        w / h = (box.w / box.h) ** (1 - shape) * (first.w / first.h) ** shape
        w h = (box.w box.h) ** (1 - size) * (first.w first.h) ** size

    Args:
        first: The first box.
        box: The box that is drawn to it.
        shape: The weight of the first box's ratio of width to height, from 0 to 1.
        size: The weight of its area, from 0 to 1.
    """
    w, h = (max(side, TINY) for side in box[2:])
    stretch = (first.w * h / (first.h * w)) ** (shape / 2)
    growth = (first.w * first.h / (w * h)) ** (size / 2)
    return w * growth * stretch, h * growth / stretch
