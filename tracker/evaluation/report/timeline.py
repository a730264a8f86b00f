"""The overlap of every frame as a line, thin enough for a page that has many of them."""

from __future__ import annotations

import numpy as np

from ..metrics import Floats

WIDTH, HEIGHT = 480.0, 60.0
"""The size of the drawing that a path is for; an overlap of 1 is at the top."""
POINTS = 160
"""A long sequence is shown as the means of so many stretches."""


def overlap_path(overlaps: Floats) -> str:
    """The path of an SVG; it breaks off where the target is absent.

    Args:
        overlaps: The overlap of every frame; NaN where there is no true box.
    """
    stretches = np.array_split(overlaps, min(POINTS, len(overlaps)))
    means = [float(np.nanmean(part)) if np.isfinite(part).any() else None for part in stretches]
    words, drawing = [], False
    for place, mean in enumerate(means):
        if mean is not None:
            x, y = position((place + 0.5) / len(means)), HEIGHT * (1 - mean)
            words.append(f"{'L' if drawing else 'M'}{x:.1f} {y:.1f}")
        drawing = mean is not None
    return "".join(words)


def position(share: float) -> float:
    """How far to the right something is that comes after this share of the frames."""
    return WIDTH * share
