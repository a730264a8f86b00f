"""Crop, transform, paste: makes two moments of an artificial video out of a photograph.

A photograph that is paired with itself teaches that the target never changes and that its
background never moves. Here the target is cut out as an ellipse and pasted on another photograph,
twice: as it is, and turned, stretched and on another part of that photograph. What the other
photograph showed in its middle becomes a second object that both moments show.

Light, blur, occluders and distractors are added later, as to any other pair.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.data.paste import ELLIPSE, middle_to
from rbsf.data.thing import Draw, Image, Thing, rotated_size

ROTATION = 0.2
"""The standard deviation of the target's turn between the two moments, in radians."""
STRETCH = 0.1
"""The standard deviation of the logarithm by which each side of the target changes."""
ZOOM = 0.2
"""The largest change of the background's scale, as a logarithm."""
DRIFT = 0.3
"""How far the background's middle is from the target's at most, in sides of the crop."""


def two_moments(target: Thing, other: Thing, draw: Draw) -> tuple[Thing, Thing]:
    """Makes two frames of an artificial video, with the target in the middle of each.

    Args:
        target: The target, in a crop of any photograph.
        other: A crop of another photograph. What of it was seen becomes the background.
        draw: The source of random numbers.
    """
    left, top, right, bottom = other.valid
    background = other.crop[top:bottom, left:right]
    if draw.random() < 0.5:
        background = np.ascontiguousarray(background[:, ::-1])
    return (
        _pasted(target, np.eye(2), target.size, background, draw),
        _pasted(target, *_change(target.size, draw), background, draw),
    )


def _change(
    size: tuple[float, float], draw: Draw
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Draws a linear map that stretches and turns a target, and gives the size that it then has."""
    stretch, angle = np.exp(draw.normal(0, STRETCH, 2)), draw.normal(0, ROTATION)
    c, s = math.cos(angle), math.sin(angle)
    linear = np.array([[c, -s], [s, c]]) @ np.diag(stretch)
    return linear, rotated_size(size[0] * stretch[0], size[1] * stretch[1], angle)


def _pasted(
    target: Thing,
    linear: NDArray[np.float64],
    size: tuple[float, float],
    background: Image,
    draw: Draw,
) -> Thing:
    """Pastes a target, changed by a linear map, on a random part of a background."""
    side = len(target.crop)
    middle = np.full(2, (side - 1) / 2)
    zoom = math.exp(draw.uniform(-ZOOM, ZOOM))
    drift = draw.uniform(-DRIFT, DRIFT, 2) * side
    moved = middle_to(middle + drift, zoom * np.eye(2), background)
    behind = cv2.warpAffine(background, moved, (side, side), borderMode=cv2.BORDER_REFLECT_101)
    placed = middle_to(middle, linear, target.crop)
    pasted = cv2.warpAffine(target.crop, placed, (side, side), borderMode=cv2.BORDER_REPLICATE)
    opaque = cv2.warpAffine(_ellipse(side, target.size), placed, (side, side))[..., None]
    crop = np.rint(opaque * pasted + (1 - opaque) * behind).astype(np.uint8)
    return Thing(crop, size, (0, 0, side, side))


def _ellipse(side: int, size: tuple[float, float]) -> NDArray[np.float32]:
    """The mask (side, side), 0 or 1, of the ellipse in the middle with a box of about `size`.

    Its edge is as sharp as that of a pasted distractor, which must not be known by its edge.
    """
    places = np.arange(side) - (side - 1) / 2
    rx, ry = (ELLIPSE * length for length in size)
    inside = (places / rx) ** 2 + (places[:, None] / ry) ** 2 <= 1
    return inside.astype(np.float32)
