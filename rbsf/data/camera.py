"""What light, a lens, a sensor and a codec do to a picture.

Everything random comes from the generator that a function is given.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.data.thing import Draw, Image

REDUCTION = (1.5, 4.0)
"""The range of the factor by which a picture of low resolution was smaller."""
JPEG_QUALITY = (8, 50)
"""The range of the quality of a picture with JPEG artefacts, end excluded."""


def recolour(pixels: Image, jitter: float, grey: bool, draw: Draw) -> Image:
    """Changes brightness, contrast and saturation, each by a share of at most `jitter`.

    Args:
        pixels: The image.
        jitter: The largest change.
        grey: Whether the image loses its colours.
        draw: The source of random numbers.
    """
    contrast, bright, colourful = 1 + jitter * draw.uniform(-1, 1, 3)
    mean = float(pixels.mean())
    result = cv2.convertScaleAbs(pixels, alpha=contrast, beta=mean * (bright - contrast))
    shades = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    keep = 0.0 if grey else colourful
    return cv2.addWeighted(result, keep, shades, 1 - keep, 0)  # type: ignore[return-value]


def blur(pixels: Image, focus: float, motion: float, draw: Draw) -> Image:
    """Blurs an image as if it were out of focus, or as if it had moved, or not at all.

    Args:
        pixels: The image.
        focus: The probability of the first.
        motion: The probability of the second.
        draw: The source of random numbers.
    """
    drawn = draw.random()
    if drawn < focus:
        return cv2.GaussianBlur(pixels, (0, 0), draw.uniform(0.4, 2.5))  # type: ignore[return-value]
    if drawn < focus + motion:
        return cv2.filter2D(pixels, -1, _streak(draw))  # type: ignore[return-value]
    return pixels


def _streak(draw: Draw) -> NDArray[np.float32]:
    """A kernel with a sum of 1 that smears along a line of 3 to 13 pixels in any direction."""
    half, angle = draw.uniform(1, 6), draw.uniform(0, math.pi)
    kernel = np.zeros((13, 13), np.uint8)
    dx, dy = half * math.cos(angle), half * math.sin(angle)
    cv2.line(kernel, (round(6 - dx), round(6 - dy)), (round(6 + dx), round(6 + dy)), 255)
    return (kernel / kernel.sum()).astype(np.float32)


def reduce_resolution(pixels: Image, draw: Draw) -> Image:
    """Makes an image as unsharp as an enlarged small one. Its size stays the same."""
    height, width = pixels.shape[:2]
    factor = draw.uniform(*REDUCTION)
    small = cv2.resize(
        pixels, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, (width, height))  # type: ignore[return-value]


def grain(pixels: Image, largest: float, draw: Draw) -> Image:
    """Adds a sensor's noise, whose deviation is at most `largest` grey levels."""
    noise = draw.normal(0, draw.uniform(0, largest), pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def compress(pixels: Image, draw: Draw) -> Image:
    """Gives an image the artefacts of JPEG at a low quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(*JPEG_QUALITY))]
    jpeg = cv2.imencode(".jpg", pixels, quality)[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)  # type: ignore[return-value]
