"""The settings of the online tracker, found on training tracks, and SiamFC's published ones."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from rbsf.config import Settings

PUBLISHED: dict[str, float] = {
    "scale_step": 1.0375,
    "scale_lr": 0.59,
    "scale_penalty": 0.9745,
    "window_influence": 0.176,
    "template_rate": 0.0,
}
"""What siamfc-pytorch has where our defaults differ. `parity` takes these."""


class TrackerConfig(Settings):
    """How a target is followed from frame to frame.

    The sizes of crops, their margin and the number of scales are those of siamfc-pytorch. The five
    settings of `PUBLISHED` were searched on training tracks with `tools/search_tracker.py` (see
    docs/training.md).
    """

    parity: bool = Field(default=False, strict=True)
    """Whether to repeat siamfc-pytorch's numbers exactly, including its flaws. By default the flaws
    are mended (see `SiamFCTracker`). With `parity`, settings that are not given are `PUBLISHED`."""
    exemplar_size: int = Field(default=127, ge=87, le=255)
    """The side of the exemplar crop z, in pixels. One cell of the network's feature sees 87 pixels.
    The time of a frame grows with the square of either size."""
    search_size: int = Field(default=255, ge=127, le=767)
    """The side of the search crop x, in pixels. It is larger than the exemplar crop by 5 strides,
    and by 40 pixels: a response needs 6 cells, because some of them must be off the target."""
    stride: int = Field(default=8, ge=1, le=64)
    """How many pixels of a crop correspond to one cell of its response."""
    context: float = Field(default=0.5, ge=0.0, le=4.0)
    """The margin around the target in the exemplar is p = context (w + h). With 4, the crop's side
    is nine times the target's."""
    scales: int = Field(default=3, ge=1, le=15)
    """How many scales are searched. The number is odd, and the middle scale is the present one.
    Each scale costs a crop in every frame."""
    scale_every: int = Field(default=1, ge=1)
    """How often the scales are searched: 5 searches all of them in every fifth frame, and only the
    present scale in the frames between. This saves two of three crops there, but the size follows
    more slowly."""
    scale_step: float = Field(default=1.0842, gt=1.0, le=1.5)
    """The ratio of one scale to the one below it. A target does not grow by half in a frame."""
    scale_lr: float = Field(default=0.9, ge=0.0, le=1.0)
    """The share of the found scale that the size takes over in each frame."""
    scale_penalty: float = Field(default=0.9642, gt=0.0, le=1.0)
    """The factor on the responses of all scales but the present one."""
    window_influence: float = Field(default=0.1306, gt=0.0, lt=1.0)
    """The weight of the Hann window, which favours small displacements."""

    motion: bool = True
    """Whether to search where a steady motion leads (see `tracker.loop.motion`). This has no effect
    with `parity`."""

    lost_below: float = Field(default=0.3, ge=0.0, le=1.0)
    """The target is lost after `patience` successive frames with a score below this."""
    found_above: float = Field(default=0.5, ge=0.0, le=1.0)
    """A lost target is found again in the first frame with a score of at least this."""
    elsewhere_above: float = Field(default=0.6, ge=0.0, le=1.0)
    """The score from which a place outside of the present search square is taken for the target. It
    is higher than what is asked of the present place, because a target is more likely to change its
    looks than to jump."""
    patience: int = Field(default=5, ge=1)
    """How many successive frames with a low score make a target lost."""
    research_crops: int = Field(default=6, ge=0, le=64)
    """How many crops of the surroundings join each frame's batch while the target is lost. With 0
    or with `parity`, a lost target is only looked for at its last place."""
    research_radius: float = Field(default=1.5, gt=0.0, le=8.0)
    """How far around its last sure place a lost target is looked for, in search squares."""
    template_rate: float = Field(default=0.0202, ge=0.0, le=1.0)
    """The share of each surely tracked frame in the running template. 0 keeps the first one."""

    @model_validator(mode="before")
    @classmethod
    def _published(cls, values: Any) -> Any:
        """With `parity`, what is not given is siamfc-pytorch's."""
        asked = isinstance(values, dict) and values.get("parity")
        return PUBLISHED | values if asked else values

    @model_validator(mode="after")
    def _consistent(self) -> TrackerConfig:
        if self.scales % 2 == 0:
            raise ValueError(
                f"scales must be odd (the middle one is the present), not {self.scales}"
            )
        margin = 5 * max(self.stride, 8)
        if self.search_size < self.exemplar_size + margin:
            raise ValueError(
                f"search_size must be at least exemplar_size + {margin}, not {self.search_size}: "
                "a response needs 6 cells"
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
        """The number of upsampled points per cell of a response.

        The reference's 16 makes an even grid of 272 points. Such a grid has no middle point, so a
        flat response moves the target. 17 makes an odd grid.
        """
        return 16 if self.parity else 17

    @property
    def scale_factors(self) -> list[float]:
        """The sides of the searched squares relative to the present one, ascending."""
        half = self.scales // 2
        return [self.scale_step**power for power in range(-half, half + 1)]
