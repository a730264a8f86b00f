"""Renders a clip with the true box of every frame, so that the demo and tests need no file.

A spotted beetle crosses mottled ground under a moving camera. It turns, comes nearer and goes away,
and a striped beetle of the same colour walks across its path. The frames have blurred shadows,
changing light and noise. The same seed gives the same frames, however many are rendered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.geometry import Box, Frame

RATE = 30.0
"""The frames per second of the clip."""

Image = NDArray[np.float32]
"""An image, BGR, HxWx3, with values from 0 to 1. A sprite has its opacity as a fourth channel."""

_SPRITE = 192
_LIGHT = np.array([-0.45, -0.6, 0.66], dtype=np.float32)
_SHELL = (0.13, 0.36, 0.86)
_INK = (0.06, 0.05, 0.07)
_CREAM = (0.72, 0.88, 0.95)


def render(
    frames: int = 150, size: tuple[int, int] = (640, 360), seed: int = 0
) -> Iterator[tuple[Frame, Box]]:
    """Renders frames, BGR uint8 HxWx3, each with the target's true box.

    Args:
        frames: The number of frames.
        size: The (width, height) in pixels. The target scales with it (40 to 80 pixels at 640x360).
        seed: The seed of texture, paths and noise.
    """
    rng = np.random.default_rng(seed)
    unit = min(size[0] / 640, size[1] / 360)
    margin = round(70 * unit)
    ground = _ground(rng, (size[0] + 2 * margin, size[1] + 2 * margin), unit)
    target, other = _beetle(spots=True), _beetle(spots=False)
    phase = rng.uniform(0, 2 * math.pi, 8)
    for index in range(frames):
        t = index / RATE
        image = _view(ground, size, margin, t, phase)
        pose = _target_pose(size, unit, t, phase)
        image = _place(image, other, _other_pose(size, unit, t, phase))
        image = _place(image, target, pose)
        light = 1 + 0.1 * math.sin(1.3 * t + phase[7])
        noise = rng.normal(0, 0.018, image.shape).astype(np.float32)
        yield np.clip((image * light + noise) * 255, 0, 255).astype(np.uint8), pose.box


class _Pose:
    """The position of an ellipse: its centre and half axes in pixels, and its turn in radians."""

    def __init__(self, cx: float, cy: float, a: float, b: float, turn: float) -> None:
        self.cx, self.cy, self.a, self.b, self.turn = cx, cy, a, b, turn

    @property
    def box(self) -> Box:
        """The exact bounds of the ellipse."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        half_w, half_h = (
            math.hypot(self.a * cos, self.b * sin),
            math.hypot(self.a * sin, self.b * cos),
        )
        return Box.from_center(self.cx, self.cy, 2 * half_w, 2 * half_h)

    def matrix(self, dx: float = 0.0, dy: float = 0.0) -> NDArray[np.float64]:
        """The matrix from sprite pixels to frame pixels, moved by (dx, dy)."""
        cos, sin, half = math.cos(self.turn), math.sin(self.turn), (_SPRITE - 1) / 2
        unit = _SPRITE / 2 * 0.96  # the ellipse's half axis in the sprite
        turn = np.array([[cos * self.a, -sin * self.b], [sin * self.a, cos * self.b]]) / unit
        shift = np.array([self.cx + dx, self.cy + dy]) - turn @ [half, half]
        return np.column_stack([turn, shift])


def _target_pose(size: tuple[int, int], unit: float, t: float, phase: NDArray[np.float64]) -> _Pose:
    cx = size[0] * (0.5 + 0.30 * math.sin(0.9 * t + phase[0]))
    cy = size[1] * (0.5 + 0.24 * math.sin(1.4 * t + phase[1]))
    a = unit * (31 + 8 * math.sin(0.8 * t + phase[2]))
    return _Pose(cx, cy, a, 0.78 * a, 0.45 * math.sin(0.7 * t + phase[3]))


def _other_pose(size: tuple[int, int], unit: float, t: float, phase: NDArray[np.float64]) -> _Pose:
    cx = size[0] * (0.5 + 0.42 * math.sin(0.6 * t + phase[4]))
    cy = size[1] * (0.5 + 0.36 * math.sin(0.8 * t + phase[5]))
    return _Pose(cx, cy, 30 * unit, 24 * unit, 0.6 * math.sin(0.9 * t + phase[6]))


def _view(
    ground: Image, size: tuple[int, int], margin: int, t: float, phase: NDArray[np.float64]
) -> Image:
    """Cuts out the part of the ground that the moving camera sees."""
    dx = margin * (1 + 0.85 * math.sin(0.7 * t + phase[6]) + 0.05 * math.sin(9.1 * t))
    dy = margin * (1 + 0.85 * math.sin(0.5 * t + phase[7]) + 0.05 * math.sin(7.7 * t))
    to_ground = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(ground, to_ground, size, flags=flags)  # type: ignore[return-value]


def _place(image: Image, sprite: Image, pose: _Pose) -> Image:
    """Lays a sprite and its soft shadow over an image."""
    size = (image.shape[1], image.shape[0])
    shadow = cv2.warpAffine(sprite[..., 3], pose.matrix(0.16 * pose.a, 0.22 * pose.a), size)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.12 * pose.a)
    image = image * (1 - 0.55 * shadow[..., None])
    over = cv2.warpAffine(sprite, pose.matrix(), size, flags=cv2.INTER_AREA)
    opacity = over[..., 3:]
    return image * (1 - opacity) + over[..., :3]


def _noise(rng: np.random.Generator, size: tuple[int, int], coarse: float, octaves: int) -> Image:
    """Makes fractal noise from about -1 to 1. Its largest blotches are `coarse` pixels wide."""
    total = np.zeros((size[1], size[0]), dtype=np.float32)
    for octave in range(octaves):
        cell = max(1.0, coarse / 2**octave)
        grid = rng.standard_normal((round(size[1] / cell) + 2, round(size[0] / cell) + 2))
        layer = cv2.resize(grid.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        total += layer * np.float32(0.6**octave)
    total /= np.abs(total).max()
    return total


def _ground(rng: np.random.Generator, size: tuple[int, int], unit: float) -> Image:
    """Paints moss and earth with pebbles and leaves."""
    mix = 0.5 + 0.5 * np.tanh(3 * _noise(rng, size, 120 * unit, 5))[..., None]
    moss, earth = np.array([0.20, 0.42, 0.34]), np.array([0.30, 0.40, 0.50])
    ground = (moss * mix + earth * (1 - mix)).astype(np.float32)
    ground *= 1 + 0.45 * _noise(rng, size, 14 * unit, 4)[..., None]
    for _ in range(150):
        _pebble(rng, ground, unit)
    return np.clip(ground, 0, 1)


def _pebble(rng: np.random.Generator, ground: Image, unit: float) -> None:
    """Paints a pebble or a leaf: its shadow, its body, and a lighter side."""
    height, width = ground.shape[:2]
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    a = unit * rng.uniform(4, 20)
    b, turn = a * rng.uniform(0.35, 0.9), rng.uniform(0, 180)
    palette = ((0.45, 0.50, 0.55), (0.15, 0.34, 0.30), (0.22, 0.36, 0.52), (0.55, 0.60, 0.58))
    color = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.7, 1.15)
    for shift, size, shade in ((0.18, 1.0, 0.45), (0.0, 1.0, 1.0), (-0.18, 0.6, 1.2)):
        center = (x + shift * a, y + shift * a)
        paint = tuple(float(v) for v in color * shade)
        cv2.ellipse(ground, (center, (2 * a * size, 2 * b * size), turn), paint, -1, cv2.LINE_AA)


def _beetle(*, spots: bool) -> Image:
    """Draws a beetle from above, head to the left. Colours are multiplied by the opacity."""
    grid = (np.mgrid[0:_SPRITE, 0:_SPRITE].astype(np.float32) - (_SPRITE - 1) / 2) / (
        _SPRITE / 2 * 0.96
    )
    v, u = grid
    radius = np.hypot(u, v)
    sprite = np.empty((_SPRITE, _SPRITE, 4), dtype=np.float32)
    sprite[..., :3] = _SHELL
    sprite[_marks(u, v, spots=spots), :3] = _INK
    sprite[u < -0.52, :3] = _INK
    for side in (-0.38, 0.38):
        sprite[np.hypot(u + 0.68, v - side) < 0.16, :3] = _CREAM
    height = np.sqrt(np.clip(1 - radius**2, 0, 1))
    shade = 0.45 + 0.65 * np.clip(_LIGHT[0] * u + _LIGHT[1] * v + _LIGHT[2] * height, 0, 1)
    gloss = np.exp(-(((u + 0.15) ** 2 + (v + 0.4) ** 2) / 0.03))
    sprite[..., :3] = sprite[..., :3] * shade[..., None] + 0.5 * gloss[..., None]
    sprite[..., 3] = np.clip((1 - radius) * _SPRITE / 4, 0, 1)
    sprite[..., :3] *= sprite[..., 3:]
    return sprite


def _marks(u: Image, v: Image, *, spots: bool) -> NDArray[np.bool_]:
    """Marks where the shell is dark: a seam with uneven spots, or bands across."""
    if not spots:
        return np.asarray((np.sin(11 * u + 1.5 * v) > 0.35) & (u > -0.52))
    marks = np.abs(v) < 0.05
    for x, y, r in ((-0.2, -0.5, 0.2), (0.25, -0.42, 0.15), (-0.05, 0.42, 0.16), (0.4, 0.45, 0.24)):
        marks |= np.hypot(u - x, v - y) < r
    return np.asarray(marks | (np.hypot(u - 0.72, v + 0.2) < 0.13))
