"""Makes views with exact boxes of cached crops, and changes them: pasted things, colours, blur.

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
from rbsf.geometry import context_side
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE

Image = NDArray[np.uint8]
"""An RGB image, H x W x 3."""
Draw = np.random.Generator
"""The source of random numbers."""


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
    distractor: float = Field(
        0.35,
        ge=0,
        le=1,
        description="The probability that another target is pasted beside the true one.",
    )
    negative: float = Field(
        0.06, ge=0, le=1, description="The probability that the search shows another target alone."
    )


class Thing(NamedTuple):
    """A target in the middle of a crop."""

    crop: Image
    """The crop."""
    size: tuple[float, float]
    """The width and height of the target's box, in pixels of the crop."""
    valid: tuple[int, int, int, int]
    """The left, top, right and bottom edge of the picture, in pixels of the crop. What lies outside
    of them was never seen."""


class View(NamedTuple):
    """A search crop that was cut from a thing."""

    pixels: Image
    """The crop."""
    box: tuple[float, float, float, float]
    """The centre x and y from the crop's middle, the width and the height, in the crop's pixels."""
    believed: tuple[float, float]
    """The width and height that the crop was cut for, in pixels of the crop."""


def rotated_size(w: float, h: float, angle: float) -> tuple[float, float]:
    """The sides of the box around the rotated ellipse of a w x h box.

    They fit an object more closely than those of a box around the rotated box.
    """
    c, s = math.cos(angle), math.sin(angle)
    return math.hypot(w * c, h * s), math.hypot(w * s, h * c)


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


def paste_beside(view: View, other: Thing, draw: Draw) -> None:
    """Pastes another target, cut out as an ellipse, where this one is not. It works in place.

    The background seldom offers a whole, sharp, wrong object. Without such negatives, a tracker
    learns what is an object rather than which object it is (DaSiamRPN).
    """
    x, y, w, h = view.box
    scale = math.sqrt(w * h / (other.size[0] * other.size[1])) * draw.uniform(0.7, 1.4)
    pw, ph = (max(4, round(side * scale)) for side in other.size)
    for _ in range(8):
        cx, cy = draw.uniform(-SEARCH_SIZE / 2, SEARCH_SIZE / 2, 2)
        if abs(cx - x) > (w + pw) / 2 or abs(cy - y) > (h + ph) / 2:
            break
    else:
        return
    middle = (SEARCH_SIZE - 1) / 2 + np.array([cx, cy])
    start = (other.crop.shape[0] - 1) / 2
    linear = np.diag([scale * draw.choice([-1.0, 1.0]), scale])
    moved = np.column_stack([linear, middle - linear @ np.array([start, start])])
    pasted = cv2.warpAffine(other.crop, moved, (SEARCH_SIZE, SEARCH_SIZE))
    mask = np.zeros((SEARCH_SIZE, SEARCH_SIZE), np.uint8)
    at = (round(middle[0]), round(middle[1]))
    cv2.ellipse(mask, at, (round(pw * 0.53), round(ph * 0.53)), 0, 0, 360, 255, -1)
    cv2.copyTo(pasted, mask, view.pixels)


def occlude(view: View, draw: Draw) -> None:
    """Covers a part of the target with a piece of the same picture. It works in place."""
    x, y, w, h = view.box
    share = draw.uniform(0.3, 0.9, 2)
    share[draw.integers(2)] = draw.uniform(0.2, 0.45)
    pw, ph = (max(2, round(float(s))) for s in share * (w, h))
    corner = np.array([x, y]) + draw.uniform(-0.5, 0.5, 2) * (w - pw, h - ph) - (pw / 2, ph / 2)
    left, top = np.round(corner + SEARCH_SIZE / 2).astype(int).tolist()
    if min(left, top) < 0 or max(left + pw, top + ph) > SEARCH_SIZE:
        return
    fx, fy = draw.integers(0, SEARCH_SIZE - pw), draw.integers(0, SEARCH_SIZE - ph)
    view.pixels[top : top + ph, left : left + pw] = view.pixels[fy : fy + ph, fx : fx + pw].copy()


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


def blur(pixels: Image, s: BoxAugmentSettings, draw: Draw) -> Image:
    """Blurs an image as if it were out of focus, or as if it had moved, or not at all."""
    chance = draw.random()
    if chance < s.blur:
        return cv2.GaussianBlur(pixels, (0, 0), draw.uniform(0.4, 2.5))  # type: ignore[return-value]
    if chance < s.blur + s.motion_blur:
        return cv2.filter2D(pixels, -1, _streak(draw))  # type: ignore[return-value]
    return pixels


def _streak(draw: Draw) -> NDArray[np.float32]:
    """A kernel with a sum of 1 that smears along a line of 3 to 13 pixels in any direction."""
    half, angle = draw.uniform(1, 6), draw.uniform(0, math.pi)
    kernel = np.zeros((13, 13), np.uint8)
    dx, dy = half * math.cos(angle), half * math.sin(angle)
    cv2.line(kernel, (round(6 - dx), round(6 - dy)), (round(6 + dx), round(6 + dy)), 255)
    return (kernel / kernel.sum()).astype(np.float32)
