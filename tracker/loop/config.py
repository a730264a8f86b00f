"""The settings of the online tracker, with SiamFC's published defaults."""

from __future__ import annotations

from pydantic import Field, model_validator

from rbsf.config import Settings


class TrackerConfig(Settings):
    """How a target is followed from frame to frame.

    Source of the figures up to `window_influence`: siamfc-pytorch. `parity` repeats that code's
    numbers exactly, its flaws included; by default the flaws are mended (see `SiamFCTracker`).
    """

    parity: bool = False
    """Repeat the numbers of siamfc-pytorch exactly, its flaws included."""
    exemplar_size: int = Field(default=127, ge=16)
    """Side of the exemplar crop z, pixels."""
    search_size: int = Field(default=255, ge=16)
    """Side of the search crop x, pixels."""
    stride: int = Field(default=8, ge=1)
    """Pixels of a crop per cell of its response."""
    context: float = Field(default=0.5, ge=0.0)
    """Margin around the target in the exemplar, p = context (w + h)."""
    scales: int = Field(default=3, ge=1)
    """How many scales are searched, an odd number."""
    scale_every: int = Field(default=1, ge=1)
    """Scales are searched in every so many frames, in the others the present one alone: two of
    three crops are saved, and the size follows the more slowly."""
    scale_step: float = Field(default=1.0375, gt=1.0)
    """The ratio of two neighbouring scales."""
    scale_lr: float = Field(default=0.59, ge=0.0, le=1.0)
    """Share of the found scale that the size takes over each frame."""
    scale_penalty: float = Field(default=0.9745, gt=0.0, le=1.0)
    """Factor on the response of every scale but the present one."""
    window_influence: float = Field(default=0.176, gt=0.0, lt=1.0)
    """Weight of the Hann window, which prefers small displacements."""

    motion: bool = True
    """Search around the place that steady motion leads to (`loop.motion`); never with parity."""

    lost_below: float = Field(default=0.3, ge=0.0, le=1.0)
    """The target is lost after `patience` successive frames with a lower score..."""
    found_above: float = Field(default=0.5, ge=0.0, le=1.0)
    """...and found again at the first frame with a score at least as high as this."""
    elsewhere_above: float = Field(default=0.6, ge=0.0, le=1.0)
    """What a place beyond the present search square must score to be taken for the target: more
    than here, since a change of looks is likelier than a leap."""
    patience: int = Field(default=5, ge=1)
    """How many frames in a row with a low score make a target lost."""
    research_crops: int = Field(default=6, ge=0)
    """While lost, so many crops of the surroundings join each frame's batch; 0: look here alone."""
    research_radius: float = Field(default=1.5, gt=0.0)
    """How far around the last sure position is searched, in sides of the search square."""
    template_rate: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of each surely tracked frame in the running template; 0 keeps the first exemplar."""

    @model_validator(mode="after")
    def _consistent(self) -> TrackerConfig:
        if self.scales % 2 == 0:
            raise ValueError(
                f"scales must be odd (the middle one is the present), not {self.scales}"
            )
        if self.found_above < self.lost_below:
            raise ValueError("found_above must not be below lost_below")
        if self.parity and self.template_rate:
            raise ValueError("parity keeps the first exemplar: template_rate must be 0")
        if self.parity and self.scale_every > 1:
            raise ValueError("parity searches scales in every frame: scale_every must be 1")
        return self

    @property
    def upsampling(self) -> int:
        """Upsampled points per cell of a response.

        The reference's 16 makes an even grid of 272 without a middle point, so that a flat
        response moves the target; 17 makes an odd one.
        """
        return 16 if self.parity else 17

    @property
    def scale_factors(self) -> list[float]:
        """Sides of the searched squares relative to the present one, ascending."""
        half = self.scales // 2
        return [self.scale_step**power for power in range(-half, half + 1)]
