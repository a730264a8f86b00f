"""How the exemplar follows the look of its target."""

from __future__ import annotations

from pydantic import Field

from rbsf.config import Settings


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
    """It learns only from a frame whose score is above this, and in which nothing is lost."""
