"""Pairs with exact boxes from cached crops: views, pasted things and colours, with OpenCV.

The search crop is cut as a tracker would cut it: for a *believed* size that is somewhat wrong, and
around a believed place that is somewhere else. Every change of place and shape is one affine map,
so a picture is resampled once and its box stays exact.

All randomness is the generator's that is handed in.
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
"""RGB, H x W x 3."""
Draw = np.random.Generator


class BoxAugmentSettings(Settings):
    """How pairs are made; probabilities and spreads. The defaults are the pilot's."""

    reach: float = Field(60, ge=0, le=100, description="px the target is off centre, each way")
    far_reach: float = Field(80, ge=0, le=100, description="the same, in a fifth of the pairs")
    size_error: float = Field(0.14, ge=0, description="spread of log size, believed against true")
    aspect_error: float = Field(0.10, ge=0, description="spread of log aspect, likewise")
    stretch: float = Field(0.12, ge=0, description="spread of log stretch each way, of stills")
    rotation: float = Field(0.12, ge=0, description="spread of the turn of stills, rad")
    flip: float = Field(0.5, ge=0, le=1)
    colour: float = Field(0.25, ge=0, le=1, description="brightness, contrast, saturation +- this")
    blur: float = Field(0.15, ge=0, le=1)
    motion_blur: float = Field(0.15, ge=0, le=1)
    grey: float = Field(0.1, ge=0, le=1)
    occlusion: float = Field(0.15, ge=0, le=1, description="by a piece of the same picture")
    distractor: float = Field(0.35, ge=0, le=1, description="another target pasted beside it")
    negative: float = Field(0.06, ge=0, le=1, description="the search shows another target alone")


class Thing(NamedTuple):
    """A target in a crop: the crop, the box's size in it, and how far the picture really reaches.

    The target is in the crop's middle. `valid` is (left, top, right, bottom), pixels of the crop;
    what lies outside was never seen.
    """

    crop: Image
    size: tuple[float, float]
    valid: tuple[int, int, int, int]


class View(NamedTuple):
    """A crop cut from a thing, with its box."""

    pixels: Image
    box: tuple[float, float, float, float]
    """Centre x and y from the crop's middle, width, height, pixels."""
    believed: tuple[float, float]
    """The width and height that the crop was cut for, its pixels."""


def rotated_size(w: float, h: float, angle: float) -> tuple[float, float]:
    """Sides of the box around the turned ellipse of a w x h box: closer than around the box."""
    c, s = math.cos(angle), math.sin(angle)
    return math.hypot(w * c, h * s), math.hypot(w * s, h * c)


def search_view(thing: Thing, flip: bool, still: bool, s: BoxAugmentSettings, draw: Draw) -> View:
    """A search crop of a thing, off centre and wrongly sized; a still is stretched and turned."""
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
    """An exemplar crop; a first box is never perfect, so neither is its place and scale."""
    zoom = EXEMPLAR_SIZE / context_side(*thing.size) * math.exp(draw.normal(0, 0.03))
    return _warp(thing, zoom * _mirror(flip), draw.uniform(-3, 3, 2), EXEMPLAR_SIZE, draw)


def _mirror(flip: bool) -> NDArray[np.float64]:
    return np.diag([-1.0 if flip else 1.0, 1.0])


def _warp(
    thing: Thing, linear: NDArray[np.float64], offset: NDArray[np.float64], size: int, draw: Draw
) -> Image:
    """The thing seen through an affine map that puts its middle `offset` from the crop's middle.

    Many training pictures are windows around their target, so the rim of the picture would tell
    where the target is. A quarter of the views go on beyond the rim as in a mirror; most others
    lose a random strip of the picture.
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
    """The valid part less a strip at one side that ends at least 10 pixels from the target."""
    edges = list(thing.valid)
    side = int(draw.integers(4))
    middle, half = thing.crop.shape[0] / 2, thing.size[side % 2] / 2 + 10
    near = middle - half if side < 2 else middle + half
    if (side < 2) == (edges[side] < near):
        edges[side] = round(draw.uniform(*sorted((edges[side], near))))
    return edges[0], edges[1], edges[2], edges[3]


def paste_beside(view: View, other: Thing, draw: Draw) -> None:
    """Puts another target, cut out as an ellipse, where this one is not; in place.

    A whole, sharp, wrong object is what background seldom offers: without such negatives a tracker
    learns what is an object more than which one (DaSiamRPN).
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
    """Covers a part of the target with a piece of the same picture; in place."""
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
    """Brightness, contrast and saturation changed by up to +- jitter; grey where asked for."""
    contrast, bright, colourful = 1 + jitter * draw.uniform(-1, 1, 3)
    mean = float(pixels.mean())
    result = cv2.convertScaleAbs(pixels, alpha=contrast, beta=mean * (bright - contrast))
    shades = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    keep = 0.0 if grey else colourful
    return cv2.addWeighted(result, keep, shades, 1 - keep, 0)  # type: ignore[return-value]


def blur(pixels: Image, s: BoxAugmentSettings, draw: Draw) -> Image:
    """Out of focus, or moved while the shutter was open, or neither."""
    chance = draw.random()
    if chance < s.blur:
        return cv2.GaussianBlur(pixels, (0, 0), draw.uniform(0.4, 2.5))  # type: ignore[return-value]
    if chance < s.blur + s.motion_blur:
        return cv2.filter2D(pixels, -1, _streak(draw))  # type: ignore[return-value]
    return pixels


def _streak(draw: Draw) -> NDArray[np.float32]:
    """A kernel that smears along a line of 3 to 13 pixels in any direction; its sum is 1."""
    half, angle = draw.uniform(1, 6), draw.uniform(0, math.pi)
    kernel = np.zeros((13, 13), np.uint8)
    dx, dy = half * math.cos(angle), half * math.sin(angle)
    cv2.line(kernel, (round(6 - dx), round(6 - dy)), (round(6 + dx), round(6 + dy)), 255)
    return (kernel / kernel.sum()).astype(np.float32)
