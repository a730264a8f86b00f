"""What a camera does to a picture: its light, its sharpness, its codec."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.data.camera import blur, compress, recolour, reduce_resolution
from rbsf.data.thing import Image


def noise(side: int = 64) -> Image:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def square() -> Image:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[24:40, 24:40] = 200
    return pixels


def middle_of(pixels: Image) -> tuple[float, float]:
    light, places = pixels.sum(axis=2, dtype=float), np.arange(len(pixels))
    return (
        float((light.sum(axis=0) * places).sum() / light.sum()),
        float((light.sum(axis=1) * places).sum() / light.sum()),
    )


def detail(pixels: Image) -> float:
    """The mean difference between neighbouring pixels."""
    return float(np.abs(np.diff(pixels.astype(int), axis=1)).mean())


def test_grey_has_no_colour_and_no_jitter_changes_nothing() -> None:
    pixels = noise(32)
    grey = recolour(pixels, 0.0, True, np.random.default_rng(0))
    assert (grey[..., 0] == grey[..., 2]).all()
    same = recolour(pixels, 0.0, False, np.random.default_rng(0))
    assert np.abs(same.astype(int) - pixels).max() <= 1


def test_blur_keeps_the_light() -> None:
    for seed in range(20):
        blurred = blur(square(), 0.5, 0.5, np.random.default_rng(seed))
        assert blurred.mean() == pytest.approx(square().mean(), rel=0.02)
        assert middle_of(blurred) == pytest.approx(middle_of(square()), abs=0.5)


def test_motion_smears_in_one_direction_only() -> None:
    """Out of focus, what is sharp loses its sharpness in both directions; in motion, in one."""
    ratios = []
    for seed in range(40):
        moved, unsharp = (
            blur(square(), 1.0 - motion, motion, np.random.default_rng(seed)).sum(axis=2) > 30
            for motion in (1.0, 0.0)
        )
        assert unsharp.any(axis=0).sum() == unsharp.any(axis=1).sum()
        ratios.append(moved.any(axis=0).sum() / moved.any(axis=1).sum())
    assert max(ratios) > 1.3 and min(ratios) < 1 / 1.3


def test_low_resolution_takes_detail_and_neither_light_nor_place() -> None:
    for seed in range(10):
        reduced = reduce_resolution(square(), np.random.default_rng(seed))
        assert reduced.shape == (64, 64, 3)
        assert reduced.mean() == pytest.approx(square().mean(), rel=0.03)
        assert middle_of(reduced) == pytest.approx(middle_of(square()), abs=0.3)
        dull = reduce_resolution(noise(), np.random.default_rng(seed))
        assert detail(dull) < 0.7 * detail(noise())


def test_compression_leaves_blocks_of_8_pixels() -> None:
    """A gentle slope becomes flat within each block."""
    ramp = np.repeat(np.linspace(100, 150, 256)[None, :, None], 64, axis=0).repeat(3, axis=2)
    compressed = compress(ramp.astype(np.uint8), np.random.default_rng(1))
    assert compressed.shape == ramp.shape
    steps = np.abs(np.diff(compressed[..., 0].astype(int), axis=1)).mean(axis=0)
    at_edges = steps[7::8].mean()
    within = np.delete(steps, np.arange(7, 255, 8)).mean()
    assert at_edges > 3 * within
