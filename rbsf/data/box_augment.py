"""Makes views with exact boxes of cached crops, for the training of the box head.

The search crop is cut as a tracker would cut it: for a *believed* size that is somewhat wrong, and
around a believed place that is somewhat off. All changes of place and shape are one affine map, so
a picture is resampled only once and its box stays exact.

Everything random comes from the generator that a function is given.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings
from rbsf.data.thing import Draw, Image, Thing, ViewBox, rotated_size
from rbsf.geometry import context_side
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE


class BoxAugmentSettings(Settings):
    """How pairs are changed: probabilities and spreads. The defaults are those of the pilot."""

    reach: float = Field(
        60, ge=0, le=100, description="How far off the centre the target may be, in pixels."
    )
    far_reach: float = Field(
        80, ge=0, le=100, description="The same distance, for a fifth of the pairs."
    )
    size_error: float = Field(
        0.14, ge=0, description="The spread of the error of the believed size, as a logarithm."
    )
    aspect_error: float = Field(
        0.10, ge=0, description="The spread of the error of the believed aspect, as a logarithm."
    )
    stretch: float = Field(
        0.12, ge=0, description="The spread of the stretch of stills, as a logarithm."
    )
    rotation: float = Field(
        0.12, ge=0, description="The spread of the rotation of stills, in radians."
    )
    flip: float = Field(0.5, ge=0, le=1, description="The probability of a mirrored pair.")
    colour: float = Field(
        0.25,
        ge=0,
        le=1,
        description="The largest change of brightness, contrast and saturation, as a share.",
    )
    blur: float = Field(
        0.15, ge=0, le=1, description="The probability of a search crop out of focus."
    )
    motion_blur: float = Field(
        0.15, ge=0, le=1, description="The probability of a search crop blurred by motion."
    )
    grey: float = Field(0.1, ge=0, le=1, description="The probability of a pair without colours.")
    occlusion: float = Field(
        0.15,
        ge=0,
        le=1,
        description="The probability that a piece of the picture covers a part of the target.",
    )
    left_behind: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that a piece of another picture covers a part of the target "
        "in the exemplar, and stands beside it in the search.",
    )
    distractor: float = Field(
        0.35,
        ge=0,
        le=1,
        description="The probability that another target is pasted beside the true one.",
    )
    alike: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that such another target, or that of a negative pair, is of "
        "the same class, where the source knows classes.",
    )
    background: float = Field(
        0,
        ge=0,
        le=1,
        description="The probability that a boxed still's target is put before another picture.",
    )
    low_resolution: float = Field(
        0, ge=0, le=1, description="The probability that the search is an enlarged small picture."
    )
    noise: float = Field(
        0, ge=0, le=64, description="The largest deviation of the sensor's noise, in grey levels."
    )
    negative: float = Field(
        0.06, ge=0, le=1, description="The probability that the search shows another target alone."
    )


class View(NamedTuple):
    """A search crop that was cut from a thing."""

    pixels: Image
    """The crop."""
    box: ViewBox
    """The target's box in it."""
    believed: tuple[float, float]
    """The width and height that the crop was cut for, in pixels of the crop."""


def search_view(thing: Thing, flip: bool, still: bool, s: BoxAugmentSettings, draw: Draw) -> View:
    """Cuts a search crop of a thing, off its centre and for a wrong size.

    Args:
        thing: The thing.
        flip: Whether the crop is mirrored.
        still: Whether the crop is also stretched and rotated.
        s: The spreads.
        draw: The source of random numbers.
    """
    stretch = np.exp(draw.normal(0, s.stretch, 2)) if still else np.ones(2)
    angle = draw.normal(0, s.rotation) if still else 0.0
    w, h = rotated_size(thing.size[0] * stretch[0], thing.size[1] * stretch[1], angle)
    size_error, aspect_error = draw.normal(0, s.size_error), draw.normal(0, s.aspect_error)
    wrong = w * math.exp(size_error + aspect_error / 2), h * math.exp(size_error - aspect_error / 2)
    zoom = EXEMPLAR_SIZE / context_side(*wrong)
    reach = s.far_reach if draw.random() < 0.2 else s.reach
    offset = draw.uniform(-reach, reach, 2)
    c, si = math.cos(angle), math.sin(angle)
    linear = zoom * np.array([[c, -si], [si, c]]) @ np.diag(stretch) @ _mirror(flip)
    pixels = _warp(thing, linear, offset, SEARCH_SIZE, draw)
    box = (float(offset[0]), float(offset[1]), w * zoom, h * zoom)
    return View(pixels, box, (wrong[0] * zoom, wrong[1] * zoom))


def exemplar_view(thing: Thing, flip: bool, draw: Draw) -> Image:
    """Cuts an exemplar crop. No first box is perfect, so neither are its place and scale."""
    zoom = EXEMPLAR_SIZE / context_side(*thing.size) * math.exp(draw.normal(0, 0.03))
    return _warp(thing, zoom * _mirror(flip), draw.uniform(-3, 3, 2), EXEMPLAR_SIZE, draw)


def _mirror(flip: bool) -> NDArray[np.float64]:
    return np.diag([-1.0 if flip else 1.0, 1.0])


def _warp(
    thing: Thing, linear: NDArray[np.float64], offset: NDArray[np.float64], size: int, draw: Draw
) -> Image:
    """Resamples a thing by an affine map, its middle `offset` away from the crop's middle.

    Many training pictures are windows around their target, so the rim of the picture would give
    away where the target is. In a quarter of the views, the picture is mirrored beyond its rim.
    Most of the others lose a random strip of it.
    """
    left, top, right, bottom = thing.valid
    mirrored = draw.random() < 0.25
    if not mirrored:
        left, top, right, bottom = _trim(thing, draw)
    middle = (thing.crop.shape[0] - 1) / 2
    source = np.array([middle - left, middle - top])
    shift = (size - 1) / 2 + offset - linear @ source
    picture = thing.crop[top:bottom, left:right]
    return cv2.warpAffine(  # type: ignore[return-value]
        picture,
        np.column_stack([linear, shift]),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT,
        borderValue=() if mirrored else cv2.mean(picture)[:3],
    )


def _trim(thing: Thing, draw: Draw) -> tuple[int, int, int, int]:
    """The valid part without a strip at one side, which ends at least 10 pixels from the target."""
    edges = list(thing.valid)
    side = int(draw.integers(4))
    middle, half = thing.crop.shape[0] / 2, thing.size[side % 2] / 2 + 10
    near = middle - half if side < 2 else middle + half
    if (side < 2) == (edges[side] < near):
        edges[side] = round(draw.uniform(*sorted((edges[side], near))))
    return edges[0], edges[1], edges[2], edges[3]
