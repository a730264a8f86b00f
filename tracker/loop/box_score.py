"""How likely it is that a found box holds the target, as a probability."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings

if TYPE_CHECKING:
    from .box_decision import Decision

RECENT = 3
"""How many frames the running mean of the quality goes over."""


class ScoreConfig(Settings):
    """The coefficients of a logistic model, as `tools/fit_score.py` fits them.

    The defaults were fitted to the shipped network on the tracks that its training held out, where
    their AUC is .936 and their log loss .280 (1,903 frames). On quarters of these tracks that a fit
    has not seen, a new one has .917 and .321.

    P(IoU > 1/2) = 1 / (1 + exp(-(bias + quality q + margin m + recent r)))

    q is the logit of the IoU that the head expects of the box. m is the highest belief inside the
    box minus the highest beside it, so it tells of a second thing that looks like the target. r is
    the mean of q over the last three frames.
    """

    bias: float = Field(default=-4.168, ge=-1000, le=1000)
    """The logit where all three are 0."""
    quality: float = Field(default=2.411, ge=-1000, le=1000)
    """The coefficient of the IoU that the head expects of the box, as a logit."""
    margin: float = Field(default=0.2, ge=-1000, le=1000)
    """The coefficient of the belief's peak over its second peak."""
    recent: float = Field(default=0.825, ge=-1000, le=1000)
    """The coefficient of the mean quality of the last frames."""


class Evidence(NamedTuple):
    """What a score is made from (see `ScoreConfig`)."""

    quality: float
    margin: float
    recent: float


class Score:
    """Scores the answers of successive frames.

    Args:
        config: The coefficients.
    """

    def __init__(self, config: ScoreConfig) -> None:
        self.config = config
        self._qualities: deque[float] = deque(maxlen=RECENT - 1)

    def evidence(self, decision: Decision) -> Evidence:
        """What an answer says that follows on those that are remembered."""
        recent = float(np.mean([*self._qualities, decision.quality]))
        return Evidence(decision.quality, decision.margin, recent)

    def of(self, decision: Decision) -> float:
        """The probability that an answer is right which follows on those that are remembered."""
        return probability(self.config, np.array(self.evidence(decision))).item()

    def remember(self, decision: Decision) -> None:
        """Takes the answer that was chosen in a frame into the running mean."""
        self._qualities.append(decision.quality)


def probability(config: ScoreConfig, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities that follow from evidence, (..., 3) -> (...)."""
    weights = np.array([config.quality, config.margin, config.recent])
    logits = np.clip(config.bias + evidence @ weights, -50, 50)
    return np.asarray(1 / (1 + np.exp(-logits)))
