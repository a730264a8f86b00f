"""Boxes and square crops: the one place where coordinates and sampling are defined.

A box is `(x, y, w, h)`: floats, in pixels, with the top-left corner first, counted from 0. Pixel
`i` covers `[i, i + 1)` of a box's extent. A *centre* is given in pixel-centre coordinates: the box
`(0, 0, 1, 1)` is the first pixel and its centre is `(0, 0)`, hence `cx = x + (w - 1) / 2`. This is
siamfc-pytorch's convention, written for boxes that count from 0.

Benchmarks count from 1. Only `to_one_indexed` and `from_one_indexed` convert between the two.
"""

from __future__ import annotations

import math
import reprlib
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rbsf.errors import InputError

Frame = NDArray[np.uint8]
"""A BGR uint8 array HxWx3, as `cv2.VideoCapture` gives it, or a grey uint8 array HxW."""
Point = tuple[float, float]
"""An x and a y in pixels. A place is given in pixel-centre coordinates."""

SMALLEST_SIDE = 1.0
"""A box to start from must be at least this wide and high, in pixels."""
LARGEST_SIDE = 4.0
"""A box to start from may be at most this many times as wide and as high as the frame."""


class BoxError(InputError):
    """A box from which no tracker can start. The message says why and gives the frame's size."""


class Square(NamedTuple):
    """A square of a frame."""

    center: Point
    """The centre, in pixel-centre coordinates."""
    side: float
    """The side, in pixels."""


class Box(NamedTuple):
    """A rectangle: its top-left corner and its size, in pixels, counted from 0."""

    x: float
    y: float
    w: float
    h: float

    @property
    def center(self) -> Point:
        """The centre, in pixel-centre coordinates."""
        return self.x + (self.w - 1) / 2, self.y + (self.h - 1) / 2

    @classmethod
    def from_center(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """The box of size (w, h) around a centre in pixel-centre coordinates."""
        return cls(cx - (w - 1) / 2, cy - (h - 1) / 2, w, h)


def to_one_indexed(boxes: ArrayLike) -> NDArray[np.float64]:
    """A copy of our boxes (..., 4) as benchmarks write them, where the first pixel is (1, 1)."""
    return np.asarray(boxes, dtype=np.float64) + np.array([1.0, 1.0, 0.0, 0.0])


def from_one_indexed(boxes: ArrayLike) -> NDArray[np.float64]:
    """A copy of a benchmark's boxes (..., 4) as ours, where the first pixel is (0, 0)."""
    return np.asarray(boxes, dtype=np.float64) - np.array([1.0, 1.0, 0.0, 0.0])


def check_box(box: Sequence[float], frame_size: tuple[int, int]) -> Box:
    """Checks that a tracker can start from a box.

    Args:
        box: Four numbers x, y, w, h, in pixels: a sequence or a one-dimensional array.
        frame_size: The (width, height) of the frame, in pixels.

    Returns:
        The same box, in floats.

    Raises:
        BoxError: The box is not four finite numbers, has a side below `SMALLEST_SIDE` or above
            `LARGEST_SIDE`, or does not overlap the frame.
    """
    width, height = frame_size
    checked = Box(*_four_numbers(box, frame_size))
    fault = _fault(checked, frame_size)
    if fault:
        shown = ",".join(f"{value:g}" for value in checked)
        raise BoxError(f"box {shown} {fault} (the frame is {width}x{height})")
    return checked


def _fault(box: Box, frame_size: tuple[int, int]) -> str | None:
    """What keeps a tracker from starting from a box, or None."""
    if not all(math.isfinite(value) for value in box):
        return "holds a value that is not finite"
    if box.w <= 0 or box.h <= 0:
        return "needs a positive width and height"
    inside = clip_box(box, frame_size)
    if inside.w <= 0 or inside.h <= 0:
        return "lies outside the frame"
    if min(box.w, box.h) < SMALLEST_SIDE:
        return "is less than a pixel wide or high: give pixels, not fractions of the frame"
    if max(box.w / frame_size[0], box.h / frame_size[1]) > LARGEST_SIDE:
        return f"is more than {LARGEST_SIDE:g} times as large as the frame"
    return None


def doubt_about(box: Box, frame_size: tuple[int, int]) -> str | None:
    """Says what a box was probably meant to be, where it is possible but not plausible.

    Args:
        box: A box that `check_box` accepts.
        frame_size: The (width, height) of the frame, in pixels.

    Returns:
        One line with what was understood and what was probably meant, or None for a plausible box.
    """
    (x, y, w, h), (width, height) = box, frame_size
    read = f"the box was read as left {x:g}, top {y:g}, width {w:g}, height {h:g}"
    leaves = x < 0 or y < 0 or x + w > width or y + h > height
    if max(abs(value) for value in box) <= 1:
        return f"{read}, in pixels: fractions of the frame are to be multiplied by {width}x{height}"
    if leaves and 0 <= x < w <= width and 0 <= y < h <= height:
        corners = f"{x:g},{y:g},{w - x:g},{h - y:g}"
        return f"{read}, and leaves the frame: if it is two corners, it must be {corners}"
    if w > width or h > height:
        return f"{read}, which is larger than the frame of {width}x{height}"
    return None


def _four_numbers(box: Sequence[float], frame_size: tuple[int, int]) -> list[float]:
    """The numbers of a box.

    Raises:
        BoxError: The box is anything but four numbers.
    """
    try:
        values = np.asarray(box)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        values = np.array(None)  # a ragged list, a huge integer, or a tensor on another device
    if values.shape == (4,) and values.dtype.kind in "iuf":
        return [float(value) for value in values]
    wrong_count = values.ndim == 1 and len(values) != 4
    shown = textwrap.shorten(reprlib.repr(box), width=120, placeholder=" ...")
    what = str(len(values)) if wrong_count else shown
    size = "{}x{}".format(*frame_size)
    raise BoxError(f"a box is four numbers x,y,w,h, not {what} (the frame is {size})")


def clip_box(box: Box, frame_size: tuple[int, int]) -> Box:
    """The part of a box inside a (width, height) frame. Its size is 0 if no part is inside."""
    width, height = frame_size
    left, top = min(max(box.x, 0.0), width), min(max(box.y, 0.0), height)
    right, bottom = min(max(box.x + box.w, 0.0), width), min(max(box.y + box.h, 0.0), height)
    return Box(left, top, right - left, bottom - top)


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """The intersection over union of boxes, paired by broadcasting: (..., 4), (..., 4) -> (...)."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    overlap = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - overlap
    result: NDArray[np.float64] = np.clip(overlap / np.maximum(union, 1e-12), 0.0, 1.0)
    return result


def context_side(w: float, h: float, context: float = 0.5) -> float:
    """The side of the square that holds a target and its context.

    s_z = sqrt((w + p)(h + p)) with p = context (w + h). Source: SiamFC (Bertinetto 2016), section
    3.4.

    Args:
        w: The target's width, in pixels.
        h: The target's height, in pixels.
        context: The margin p relative to w + h.
    """
    margin = context * (w + h)
    return math.sqrt((w + margin) * (h + margin))


def mean_color(frame: Frame) -> tuple[float, float, float]:
    """The mean of each BGR channel, which fills what lies outside of a frame."""
    b, g, r, _ = cv2.mean(as_bgr(frame))
    return b, g, r


def as_bgr(frame: Frame) -> Frame:
    """A frame as HxWx3.

    A grey frame, HxW or HxWx1, is repeated over the channels. An alpha channel is dropped.

    Raises:
        InputError: The frame is not a uint8 array of one of these shapes, or has no pixels.
    """
    if frame is None:
        raise InputError(
            "the frame is None: check that the video has not ended and that the image can be read"
        )
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        kind = getattr(frame, "dtype", type(frame).__name__)
        raise InputError(f"{_FRAMES_ARE}, not {kind}: convert it first")
    if frame.size and frame.ndim == 3 and frame.shape[2] == 3:
        return frame
    if frame.size and frame.ndim == 3 and frame.shape[2] == 4:
        return np.ascontiguousarray(frame[:, :, :3])
    if frame.size and (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1)):
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    raise InputError(f"{_FRAMES_ARE}, not of shape {'x'.join(map(str, frame.shape)) or '()'}")


_FRAMES_ARE = "a frame is a uint8 array HxWx3 (BGR) or HxW (grey)"


def crop_square(
    frame: Frame,
    center: Point,
    side: float,
    size: int,
    fill: tuple[float, float, float],
) -> Frame:
    """Resamples a square of the frame to size x size, bilinearly and at a sub-pixel position.

    Output pixel `u` looks at frame coordinate `cx + (u - (size - 1) / 2) side / size`, so the
    crop's centre is exactly the given centre.

    Args:
        frame: A BGR uint8 frame, HxWx3.
        center: The square's centre (cx, cy), in pixel-centre coordinates.
        side: The square's side in the frame, in pixels, above 0.
        size: The side of the output, in pixels.
        fill: The BGR colour of what lies outside the frame.

    Returns:
        The crop, BGR uint8, size x size x 3.
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
    """Cuts several crops out of one frame, in RGB, bit for bit as `crop_square` samples them.

    OpenCV resamples pixels of four channels twice as fast as those of three. So the part of the
    frame that is looked at becomes RGBA first, and the crops lose their alpha all at once.

    Args:
        frame: A BGR uint8 frame, HxWx3.
        squares: The N squares to cut out.
        size: The side of each output, in pixels.
        fill: The BGR colour of what lies outside the frame.

    Returns:
        The crops, RGB uint8, N x size x size x 3.
    """
    height, width = frame.shape[:2]
    columns, rows = _reach(squares, 0, width), _reach(squares, 1, height)
    rgba = np.empty((height, width, 4), np.uint8)  # whole: an offset would change roundings
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
    """The affine map from a crop's pixels to the frame's, as a 2 x 3 matrix."""
    scale = side / size
    corner = (size - 1) / 2 * scale
    return np.array([[scale, 0.0, center[0] - corner], [0.0, scale, center[1] - corner]])


def _reach(squares: Sequence[Square], axis: int, extent: int) -> slice:
    """The pixels of 0..extent that the squares touch along axis 0 (x) or 1 (y); at least one."""
    low = math.floor(min([square.center[axis] - square.side / 2 for square in squares])) - 1
    high = math.ceil(max([square.center[axis] + square.side / 2 for square in squares])) + 2
    first = min(max(low, 0), extent - 1)
    return slice(first, max(min(high, extent), first + 1))


LARGEST_PATCH = 8192
"""The largest square that is cut out of a frame as a whole, in pixels; it takes 200 MB. The
reference would take as much memory as any square needs."""


def crop_square_reference(
    frame: Frame,
    center: Point,
    side: float,
    size: int,
    fill: tuple[float, float, float],
) -> Frame:
    """Samples a square as siamfc-pytorch does: its corners are whole pixels, and it is resized.

    This is kept for `parity: true`. Arguments and result are those of `crop_square`. A square
    larger than LARGEST_PATCH, for which the reference would need gigabytes, is sampled as there.
    """
    if not side <= LARGEST_PATCH:
        return crop_square(frame, center, side, size, fill)
    whole = max(1, round(side))  # a target that shrinks to nothing is still somewhere
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
