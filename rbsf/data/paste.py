"""Puts things into a view that make it hard to find the target: distractors and occluders.

Both work in place. Everything random comes from the generator that a function is given.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.data.thing import Draw, Image, Thing, ViewBox

TRIES = 8
"""How many places are tried for a distractor before the view is left without one."""
ELLIPSE = 0.53
"""The half-axes of the ellipse that is cut out of a thing, in sides of its box."""


def paste_beside(pixels: Image, box: ViewBox, other: Thing, draw: Draw) -> None:
    """Pastes another target, cut out as an ellipse, where the true one is not.

    The background seldom offers a whole, sharp, wrong object. Without such negatives, a tracker
    learns what is an object rather than which object it is (DaSiamRPN).

    Args:
        pixels: The view, which is square.
        box: The true target's box in it.
        other: The other target. Its area becomes about that of the true one.
        draw: The source of random numbers.
    """
    _, _, w, h = box
    side = len(pixels)
    scale = math.sqrt(w * h / (other.size[0] * other.size[1])) * draw.uniform(0.7, 1.4)
    pw, ph = (max(4, round(length * scale)) for length in other.size)
    place = _place_beside(box, (pw, ph), (side / 2, side / 2), draw)
    if not place:
        return
    middle = (side - 1) / 2 + np.array(place)
    linear = np.diag([scale * draw.choice([-1.0, 1.0]), scale])
    pasted = cv2.warpAffine(other.crop, middle_to(middle, linear, other.crop), (side, side))
    mask = np.zeros((side, side), np.uint8)
    at = (round(middle[0]), round(middle[1]))
    cv2.ellipse(mask, at, (round(pw * ELLIPSE), round(ph * ELLIPSE)), 0, 0, 360, 255, -1)
    cv2.copyTo(pasted, mask, pixels)


def leave_behind(
    exemplar: Image,
    size: tuple[float, float],
    pixels: Image,
    box: ViewBox,
    other: Thing,
    draw: Draw,
) -> None:
    """Covers a part of the target in the exemplar with a piece that stands beside it in the view.

    A target that is marked behind a pole has the pole in its exemplar. Both look familiar later,
    and the one to follow is the target.

    Args:
        exemplar: The exemplar crop, whose middle is the target's.
        size: The target's width and height in it, in pixels.
        pixels: The view, which is square.
        box: The target's box in it.
        other: Another thing. The piece is cut out of its middle.
        draw: The source of random numbers.
    """
    # the piece covers a part of the exemplar's target
    side = len(exemplar)
    pw, ph = (min(length, side) for length in _piece_size(*size, draw))
    left, top = (len(other.crop) - pw) // 2, (len(other.crop) - ph) // 2
    piece = other.crop[top : top + ph, left : left + pw]
    middle = draw.uniform(-0.5, 0.5, 2) * (size[0] - pw, size[1] - ph)
    _lay(piece, exemplar, middle)
    # the same piece stands in the view, as much larger as the target is
    _, _, w, h = box
    side, scale = len(pixels), math.sqrt(w * h / (size[0] * size[1]))
    pw, ph = (min(max(2, round(length * scale)), side) for length in (pw, ph))
    place = _place_beside(box, (pw, ph), ((side - pw) / 2, (side - ph) / 2), draw)
    if place:
        larger: Image = cv2.resize(piece, (pw, ph))  # type: ignore[assignment]
        _lay(larger, pixels, np.array(place))


def _place_beside(
    box: ViewBox, size: tuple[int, int], reach: tuple[float, float], draw: Draw
) -> tuple[float, float] | None:
    """Draws a place for a thing where it does not touch the target, or finds none.

    Args:
        box: The target's box.
        size: The thing's width and height, in pixels.
        reach: How far from the view's middle the thing's middle may be along x and y, in pixels.
        draw: The source of random numbers.

    Returns:
        The middle of the thing, from the view's middle.
    """
    x, y, w, h = box
    for _ in range(TRIES):
        cx, cy = draw.uniform(np.negative(reach), reach).tolist()
        if abs(cx - x) > (w + size[0]) / 2 or abs(cy - y) > (h + size[1]) / 2:
            return cx, cy
    return None


def _lay(piece: Image, picture: Image, middle: NDArray[np.float64]) -> None:
    """Lays a piece on a square picture, as near to a place from its middle as it fits."""
    height, width = piece.shape[:2]
    room = len(picture) - np.array([width, height])
    left, top = np.clip(np.round(middle + room / 2), 0, room).astype(int).tolist()
    picture[top : top + height, left : left + width] = piece


def put_before(pixels: Image, box: ViewBox, background: Image) -> Image:
    """Cuts the target out of a view as an ellipse, and puts it before another view of its size."""
    x, y, w, h = box
    middle = (len(pixels) - 1) / 2
    mask = np.zeros(pixels.shape[:2], np.uint8)
    at = (round(middle + x), round(middle + y))
    cv2.ellipse(mask, at, (round(w * ELLIPSE), round(h * ELLIPSE)), 0, 0, 360, 255, -1)
    return cv2.copyTo(pixels, mask, background.copy())  # type: ignore[return-value]


def middle_to(
    point: NDArray[np.float64], linear: NDArray[np.float64], image: Image
) -> NDArray[np.float64]:
    """The affine map (2, 3) with a given linear part that takes an image's middle to a point."""
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, point - linear @ middle])


def occlude(pixels: Image, box: ViewBox, draw: Draw) -> None:
    """Covers a part of the target with a piece of the same picture.

    Args:
        pixels: The view, which is square.
        box: The target's box in it.
        draw: The source of random numbers.
    """
    x, y, w, h = box
    side = len(pixels)
    pw, ph = _piece_size(w, h, draw)
    corner = np.array([x, y]) + draw.uniform(-0.5, 0.5, 2) * (w - pw, h - ph) - (pw / 2, ph / 2)
    left, top = np.round(corner + side / 2).astype(int).tolist()
    if min(left, top) < 0 or max(left + pw, top + ph) > side:
        return
    fx, fy = draw.integers(0, side - pw), draw.integers(0, side - ph)
    pixels[top : top + ph, left : left + pw] = pixels[fy : fy + ph, fx : fx + pw].copy()


def _piece_size(w: float, h: float, draw: Draw) -> tuple[int, int]:
    """The size of a piece that covers a part of a target of a given size."""
    share = draw.uniform(0.3, 0.9, 2)
    share[draw.integers(2)] = draw.uniform(0.2, 0.45)
    pw, ph = (max(2, round(float(s))) for s in share * (w, h))
    return pw, ph
