"""Draws boxes with their scores on a frame; the box of a lost target is dashed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from rbsf.geometry import Box, Frame, Point

if TYPE_CHECKING:
    from ..loop.target import Track

Color = tuple[int, int, int]

COLORS: tuple[Color, ...] = (
    (60, 220, 90),
    (40, 150, 255),
    (235, 160, 60),
    (200, 90, 240),
    (40, 225, 245),
    (225, 225, 70),
    (110, 110, 250),
    (190, 200, 150),
)
"""The BGR colour of each target. The ninth target has the first one's colour again."""

_DARK: Color = (20, 20, 20)
_WHITE: Color = (250, 250, 250)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4
"""OpenCV draws to 1/16 of a pixel, so that boxes glide instead of jumping."""


def annotate(
    image: Frame,
    index: int,
    tracks: Sequence[Track],
    truth: Sequence[Box] = (),
) -> Frame:
    """Draws the targets, their scores and the frame's number on a copy of a frame.

    Args:
        image: The frame, BGR uint8 HxWx3. It is not changed.
        index: The frame's number, shown in the upper left corner.
        tracks: One track per target. A lost target has a dashed box and the word "lost".
        truth: The true boxes, if they are known. They are drawn thin and white.

    Returns:
        The annotated frame, BGR uint8 HxWx3.
    """
    drawn = image.copy()
    stroke = max(1, round(min(image.shape[:2]) / 300))
    for number, track in enumerate(tracks):
        color = COLORS[number % len(COLORS)]
        _draw_box(drawn, track.box, color, stroke + 1, dashed=track.lost)
    for box in truth:
        _draw_box(drawn, box, _WHITE, max(1, stroke // 2), rim=0)
    for number, track in enumerate(tracks):
        name = f"{number + 1}: " if len(tracks) > 1 else ""
        text = f"{name}{'lost ' if track.lost else ''}{track.score:.2f}"
        color = COLORS[number % len(COLORS)]
        _draw_label(drawn, text, (track.box.x, track.box.y), color)
    _draw_label(drawn, f"frame {index}", (0, 0), _DARK)
    return drawn


def _draw_box(
    image: Frame, box: Box, color: Color, stroke: int, *, dashed: bool = False, rim: int = 1
) -> None:
    """Draws a rectangle with a dark rim, which keeps it visible on any background."""
    left, top, right, bottom = box.x, box.y, box.x + box.w - 1, box.y + box.h - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    lines = list(pairwise(corners))
    if dashed:
        lines = [dash for start, end in lines for dash in _dashes(start, end, 5.0 * stroke)]
    for paint, width in ((_DARK, stroke + 2 * rim), (color, stroke)):
        for start, end in lines:
            cv2.line(image, _fixed(start), _fixed(end), paint, width, cv2.LINE_AA, _SHIFT)


def _dashes(start: Point, end: Point, length: float) -> list[tuple[Point, Point]]:
    """Splits a line into dashes of about `length`, with gaps of the same length between them.

    The line begins and ends with a dash.
    """
    a, b = np.asarray(start), np.asarray(end)
    pieces = 2 * max(1, round(float(np.hypot(*(b - a))) / (2 * length))) + 1
    points = [tuple(a + (b - a) * k / pieces) for k in range(pieces + 1)]
    return [(points[k], points[k + 1]) for k in range(0, pieces, 2)]


def _fixed(point: Point) -> tuple[int, int]:
    """Converts a point to the fixed-point numbers that OpenCV draws with."""
    x, y = (round(float(np.clip(value, -1e6, 1e6)) * 2**_SHIFT) for value in point)
    return x, y


def _draw_label(image: Frame, text: str, corner: Point, color: Color) -> None:
    """Writes text on a tab that stands on `corner`. At the frame's upper edge the tab hangs."""
    height, width = image.shape[:2]
    scale = max(0.4, min(height, width) / 900)
    weight = max(1, round(scale * 1.6))
    (wide, tall), below = cv2.getTextSize(text, _FONT, scale, weight)
    pad = max(2, round(tall / 3))
    tab_w, tab_h = wide + 2 * pad, tall + below // 2 + 2 * pad
    x = int(np.clip(corner[0], 0, max(0, width - tab_w)))
    y = int(np.clip(corner[1] - tab_h, 0, max(0, height - tab_h)))
    cv2.rectangle(image, (x, y), (x + tab_w, y + tab_h), color, cv2.FILLED)
    ink = _DARK if sum(color) > 300 else _WHITE
    cv2.putText(image, text, (x + pad, y + pad + tall), _FONT, scale, ink, weight, cv2.LINE_AA)
