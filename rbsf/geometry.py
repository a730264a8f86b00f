"""Boxes and square crops: the one place where coordinates and sampling are defined.

A box is `(x, y, w, h)`: floats, in pixels, 0-indexed, top-left corner first. Pixel `i` covers
`[i, i + 1)` of a box's extent, and a *centre* is given in pixel-centre coordinates: the box
`(0, 0, 1, 1)` is the first pixel and its centre is `(0, 0)`, hence `cx = x + (w - 1) / 2`
(siamfc-pytorch's convention, written for 0-indexed boxes).

Benchmarks index from 1; `to_one_indexed` and `from_one_indexed` are the only converters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbsf.errors import InputError

Frame = NDArray[np.uint8]
"""BGR uint8 HxWx3 as `cv2.VideoCapture` gives it, or grey uint8 HxW."""
Point = tuple[float, float]
"""x and y, pixels; of a place, in pixel-centre coordinates."""


class BoxError(InputError):
    """A box that no tracker can start from; the message says why and gives the frame's size."""


class Square(NamedTuple):
    """A square of a frame: centre in pixel-centre coordinates, side in pixels."""

    center: Point
    side: float


class Box(NamedTuple):
    """A rectangle: top-left corner and size, pixels, 0-indexed."""

    x: float
    y: float
    w: float
    h: float

    @property
    def center(self) -> Point:
        """Centre in pixel-centre coordinates."""
        return self.x + (self.w - 1) / 2, self.y + (self.h - 1) / 2

    @classmethod
    def from_center(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """The box of size (w, h) around a centre in pixel-centre coordinates."""
        return cls(cx - (w - 1) / 2, cy - (h - 1) / 2, w, h)


def to_one_indexed(boxes: ArrayLike) -> NDArray[np.float64]:
    """Boxes as benchmarks write them: the first pixel is (1, 1). Shape (..., 4), copied."""
    return np.asarray(boxes, dtype=np.float64) + np.array([1.0, 1.0, 0.0, 0.0])


def from_one_indexed(boxes: ArrayLike) -> NDArray[np.float64]:
    """Our boxes from a benchmark's. Shape (..., 4), copied."""
    return np.asarray(boxes, dtype=np.float64) - np.array([1.0, 1.0, 0.0, 0.0])


def check_box(box: Sequence[float], frame_size: tuple[int, int]) -> Box:
    """A box fit to start tracking from.

    Args:
        box: four numbers x, y, w, h.
        frame_size: (width, height) of the frame, pixels.

    Raises:
        BoxError: not four finite numbers, no positive size, or no overlap with the frame.
    """
    width, height = frame_size
    told = f"the frame is {width}x{height}"
    if len(box) != 4:
        raise BoxError(f"a box is four numbers x,y,w,h, not {len(box)} ({told})")
    try:
        checked = Box(*(float(value) for value in box))
    except (TypeError, ValueError):
        raise BoxError(f"a box is four numbers x,y,w,h, not {tuple(box)!r} ({told})") from None
    shown = ",".join(f"{value:g}" for value in checked)
    if not all(math.isfinite(value) for value in checked):
        raise BoxError(f"box {shown} holds a value that is not finite ({told})")
    if checked.w <= 0 or checked.h <= 0:
        raise BoxError(f"box {shown} needs a positive width and height ({told})")
    inside = clip_box(checked, frame_size)
    if inside.w <= 0 or inside.h <= 0:
        raise BoxError(f"box {shown} lies outside the frame ({told})")
    return checked


def clip_box(box: Box, frame_size: tuple[int, int]) -> Box:
    """The part of a box inside a (width, height) frame; its size is 0 where none is."""
    width, height = frame_size
    left, top = min(max(box.x, 0.0), width), min(max(box.y, 0.0), height)
    right, bottom = min(max(box.x + box.w, 0.0), width), min(max(box.y + box.h, 0.0), height)
    return Box(left, top, right - left, bottom - top)


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of boxes paired by broadcasting: (..., 4), (..., 4) -> (...)."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    overlap = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - overlap
    result: NDArray[np.float64] = np.clip(overlap / np.maximum(union, 1e-12), 0.0, 1.0)
    return result


def context_side(w: float, h: float, context: float = 0.5) -> float:
    """Side of the square holding a target and its context.

    s_z = sqrt((w + p)(h + p)) with p = context (w + h); pixels in, pixels out. Source: SiamFC
    (Bertinetto 2016), section 3.4.
    """
    margin = context * (w + h)
    return math.sqrt((w + margin) * (h + margin))


def mean_color(frame: Frame) -> tuple[float, float, float]:
    """Mean of each BGR channel, the fill for what lies outside a frame."""
    b, g, r, _ = cv2.mean(as_bgr(frame))
    return b, g, r


def as_bgr(frame: Frame) -> Frame:
    """A frame as HxWx3: grey HxW or HxWx1 is repeated over the channels, an alpha channel dropped.

    Raises:
        InputError: not a uint8 array of one of these shapes.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        kind = getattr(frame, "dtype", type(frame).__name__)
        raise InputError(f"a frame is a uint8 array HxWx3 (BGR) or HxW (grey), not {kind}")
    if frame.size and frame.ndim == 3 and frame.shape[2] == 3:
        return frame
    if frame.size and frame.ndim == 3 and frame.shape[2] == 4:
        return np.ascontiguousarray(frame[:, :, :3])
    if frame.size and (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1)):
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    raise InputError(f"a frame is a uint8 array HxWx3 (BGR) or HxW (grey), not {frame.shape}")


def crop_square(
    frame: Frame,
    center: Point,
    side: float,
    size: int,
    fill: tuple[float, float, float],
) -> Frame:
    """A square of the frame resampled to size x size, bilinear, at sub-pixel position.

    Output pixel `u` looks at frame coordinate `cx + (u - (size - 1) / 2) side / size`, so the
    crop's centre is the given centre exactly. What lies outside the frame is `fill`.

    Args:
        frame: BGR uint8 HxWx3.
        center: (cx, cy), pixel-centre coordinates.
        side: of the square in the frame, pixels, > 0.
        size: of the output, pixels.
        fill: BGR.

    Returns:
        BGR uint8, size x size x 3.
    """
    return cv2.warpAffine(  # type: ignore[return-value]
        frame,
        _to_frame(center, side, size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )


def crop_squares(
    frame: Frame, squares: Sequence[Square], size: int, fill: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """Several crops of one frame, to the bit as `crop_square` samples them, in RGB.

    OpenCV resamples pixels of four channels twice as fast as those of three. So the part of the
    frame that is looked at becomes RGBA first, and the crops lose their alpha all at once.

    Args:
        frame: BGR uint8 HxWx3.
        squares: N of them.
        size: of each output, pixels.
        fill: BGR.

    Returns:
        RGB uint8, N x size x size x 3.
    """
    height, width = frame.shape[:2]
    columns, rows = _reach(squares, 0, width), _reach(squares, 1, height)
    rgba = np.empty((height, width, 4), np.uint8)  # as large as the frame: positions stay as exact
    cv2.cvtColor(frame[rows, columns], cv2.COLOR_BGR2RGBA, rgba[rows, columns])
    crops = np.empty((len(squares), size, size, 4), np.uint8)
    for crop, (center, side) in zip(crops, squares, strict=True):
        cv2.warpAffine(
            rgba,
            _to_frame(center, side, size),
            (size, size),
            crop,
            cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            cv2.BORDER_CONSTANT,
            fill[::-1],
        )
    rgb = cv2.cvtColor(crops.reshape(-1, size, 4), cv2.COLOR_RGBA2RGB)
    return rgb.reshape(-1, size, size, 3)  # type: ignore[return-value]


def _to_frame(center: Point, side: float, size: int) -> NDArray[np.float64]:
    """The affine map from a crop's pixels to the frame's, 2 x 3."""
    scale = side / size
    corner = (size - 1) / 2 * scale
    return np.array([[scale, 0.0, center[0] - corner], [0.0, scale, center[1] - corner]])


def _reach(squares: Sequence[Square], axis: int, extent: int) -> slice:
    """The pixels of 0..extent that the squares touch along axis 0 (x) or 1 (y); at least one."""
    low = math.floor(min([square.center[axis] - square.side / 2 for square in squares])) - 1
    high = math.ceil(max([square.center[axis] + square.side / 2 for square in squares])) + 2
    first = min(max(low, 0), extent - 1)
    return slice(first, max(min(high, extent), first + 1))


def crop_square_reference(
    frame: Frame,
    center: Point,
    side: float,
    size: int,
    fill: tuple[float, float, float],
) -> Frame:
    """`crop_square` as siamfc-pytorch samples: corners rounded to whole pixels, then resized.

    Kept for `parity: true`; arguments and result as in `crop_square`.
    """
    whole = round(side)
    left, top = (int(np.round(c - (whole - 1) / 2)) for c in center)
    right, bottom = left + whole, top + whole
    height, width = frame.shape[:2]
    before_x, before_y = max(0, -left), max(0, -top)
    after_x, after_y = max(0, right - width), max(0, bottom - height)
    patch = frame[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if not patch.size:  # the square misses the frame altogether
        patch = np.full((whole, whole, 3), fill).astype(np.uint8)
    elif before_x or before_y or after_x or after_y:
        patch = cv2.copyMakeBorder(
            patch, before_y, after_y, before_x, after_x, cv2.BORDER_CONSTANT, value=fill
        )  # type: ignore[assignment]
    return cv2.resize(patch, (size, size), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
