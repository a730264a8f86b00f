"""The settings of the tracker whose network gives boxes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rbsf.config import Settings

from .box_correction import CorrectionConfig
from .box_decision import DecisionConfig
from .box_score import ScoreConfig


class RecoveryConfig(Settings):
    """How a lost target is looked for in the whole frame."""

    crops: int = Field(default=4, ge=0, le=64)
    """How many places are looked at in each frame while the target is or may be lost, besides where
    it is expected. One more crop verifies the best of them, so a frame costs at most `crops` + 2
    looks instead of one. With 0, a lost target is only looked for where it is expected."""
    below: float = Field(default=0.2, ge=0, le=1)
    """A lost target is looked for elsewhere only while what is found at the expected place scores
    below this. A target that is flagged at a higher score is often there all the same."""
    sizes: tuple[Annotated[float, Field(ge=0.1, le=10)], ...] = Field(
        default=(1.0, 0.75, 1.33), min_length=1, max_length=9
    )
    """The sizes that are tried in turn, relative to the last sure one."""
    believed_above: float = Field(default=0.9, ge=0, le=1)
    """The tracker goes to another place if its score is at least this, and again in a crop around
    it. It is high because of many places one looks like the target by chance."""


class LearningConfig(Settings):
    """How the exemplar follows the look of the target.

    The exemplar is the mean of two features: that of the first frame, and a running mean of those
    since. It costs one more pass of the network over a small crop, a quarter of a look, in each
    frame that it learns from.
    """

    rate: float = Field(default=0.1, ge=0, le=1)
    """The share of the present look that the running mean takes over. With 0 the exemplar stays the
    first one."""
    kept: float = Field(default=0.5, ge=0, le=1)
    """The weight of the first frame's feature in the exemplar. The running mean alone forgets what
    the user has marked, and in a long video follows its own errors."""
    every: int = Field(default=3, ge=1, le=1000)
    """It learns in every so many-th frame."""
    above: float = Field(default=0.6, ge=0, le=1)
    """It learns only from a frame whose score is above this, and while nothing is searched for."""


class BoxTrackerConfig(Settings):
    """How a target is followed from frame to frame."""

    decision: DecisionConfig = DecisionConfig()
    """How a box is chosen from what the network says."""
    correction: CorrectionConfig = CorrectionConfig()
    """How boxes are corrected by what the network sees in the first frame."""
    score: ScoreConfig = ScoreConfig()
    """How likely a box is, from what the network says."""
    recovery: RecoveryConfig = RecoveryConfig()
    """How a lost target is looked for."""
    size_rate: float = Field(default=0.7, ge=0, le=1)
    """The share of the found size that is taken over at a belief of 1. It falls with the belief."""
    shape_kept: float = Field(default=0.1, ge=0, le=1)
    """The weight of the first box's ratio of width to height in each new one. The network errs in
    every frame by itself, and most targets keep about the shape that was marked."""
    size_kept: float = Field(default=0.05, ge=0, le=1)
    """The weight of the first box's area in each new one. A size that is only ever found relative
    to the last one may run away, since each error becomes the next belief. This draws it back: a
    target that grows to twice its width is seen 3% too small for it."""
    learning: LearningConfig = LearningConfig()
    """How the exemplar follows the look of the target."""
    hidden_frames: int = Field(default=15, ge=0, le=10_000)
    """For so many frames at most the tracker waits for a target that is hidden by a thing which
    looks like it. With 0 nothing beside the target is followed, and the best answer is taken."""
    moves_above: float = Field(default=0.3, ge=0, le=1)
    """Below this belief a move does not count as motion."""
    lost_below: float = Field(default=0.3, ge=0, le=1)
    """Scores below this are doubt that the target is still followed: the tracker begins to look for
    it elsewhere, and counts it as lost when enough doubt has gathered."""
    doubt: float = Field(default=1.5, ge=0, le=100)
    """The target is lost when this much doubt has gathered, in logits (see `Doubt`): with a score
    below .09 at once, and after six frames at .25. With 0 it is lost with the first score below
    `lost_below`, and the flag also stands in many frames in which a target is followed that turns
    or leaps."""
    found_above: float = Field(default=0.7, ge=0, le=1)
    """A lost target is found again with a score of at least this. It is high because the best of
    many places looks more certain than it is. With 0.6 the flag misses more losses, and with 0.8 it
    stays longer on targets that are followed."""

    @model_validator(mode="after")
    def _consistent(self) -> BoxTrackerConfig:
        if self.found_above < self.lost_below:
            raise ValueError("found_above must not be below lost_below")
        return self
