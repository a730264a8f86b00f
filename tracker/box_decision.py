"""From what the network says of a search crop to one box.

Two witnesses are heard. The head tells boxes and where it believes the target's middle to be; the
plain correlation knows best which of several things is the target. Their logits are added cell by
cell, a change of size is held against a cell, and near places are preferred; the best cell's box is
the answer, its place averaged with the correlation's peak nearby.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings

if TYPE_CHECKING:
    from rbsf.torch_box_network import BoxAnswer

Floats = NDArray[np.float32]

STRIDE = 8
"""Pixels of a search crop per cell."""
NEIGHBOURS = 2
"""Cells either way around the head's place among which the correlation's peak is looked for."""


class DecisionConfig(Settings):
    """How the witnesses are weighed."""

    response_weight: float = Field(0.5, ge=0, le=1)
    """Share of the correlation's logits in the belief of a cell; the rest is the head's."""
    peak_share: float = Field(0.0, ge=0, le=1)
    """Share of the correlation's peak in the place; the rest is the head's. A longer trained pilot
    was best at one half; with the present weights the peak only takes away."""
    size_penalty: float = Field(0.05, ge=0)
    """How strongly a change of size or shape is held against a cell (SiamRPN's k)."""
    window_influence: float = Field(0.5, ge=0, lt=1)
    """Weight of the Hann window, which prefers small displacements."""


class Decision(NamedTuple):
    """The answer for one search crop."""

    box: tuple[float, float, float, float]
    """Centre x and y from the crop's middle, width, height, pixels of the crop."""
    score: float
    """Belief that the target is there times the IoU expected of the box, 0..1."""


def decide(answer: BoxAnswer, believed: tuple[float, float], config: DecisionConfig) -> Decision:
    """The best box of an answer; `believed` is the width and height the crop was cut for."""
    # belief of each cell
    w = config.response_weight
    belief = _sigmoid(w * answer.response + (1 - w) * answer.target)
    score = belief * _sigmoid(answer.quality)
    # changes of size and far places are held against a cell
    wanted = score * _size_factor(answer.boxes[2:], believed, config.size_penalty)
    v = config.window_influence
    wanted = (1 - v) * wanted + v * _window(len(wanted)) * wanted.max()
    # the best cell's box, its place shared with the correlation's peak
    row, column = np.unravel_index(int(wanted.argmax()), wanted.shape)
    x, y, width, height = answer.boxes[:, row, column].tolist()
    px, py = response_peak(answer.response, x, y)
    x, y = (a + config.peak_share * (b - a) for a, b in ((x, px), (y, py)))
    return Decision((x, y, width, height), float(score[row, column]))


def response_peak(response: Floats, x: float, y: float) -> tuple[float, float]:
    """Where the correlation peaks near a place; pixels from the crop's middle, as the place.

    The highest cell within two cells of the place, moved by the vertex of the parabola through it
    and its neighbours, at most half a cell. A flat response has its peak at the place itself.
    """
    middle = (len(response) - 1) / 2
    near = [_span(middle + at / STRIDE, len(response)) for at in (y, x)]
    part = response[near[0], near[1]]
    if part.max() - part.min() <= 1e-6:
        return x, y
    row, column = np.unravel_index(int(part.argmax()), part.shape)
    row, column = row + near[0].start, column + near[1].start
    dx, dy = _vertex(response[row], column), _vertex(response[:, column], row)
    return (column + dx - middle) * STRIDE, (row + dy - middle) * STRIDE


def _span(at: float, size: int) -> slice:
    nearest = min(max(round(at), 0), size - 1)
    return slice(max(nearest - NEIGHBOURS, 0), min(nearest + NEIGHBOURS + 1, size))


def _vertex(line: Floats, at: int) -> float:
    """The vertex of the parabola through a value and its two neighbours, cells from it."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, behind = (float(value) for value in line[at - 1 : at + 2])
    curve = before - 2 * here + behind
    return min(max((before - behind) / (2 * curve), -0.5), 0.5) if curve < 0 else 0.0


def _size_factor(sides: Floats, believed: tuple[float, float], penalty: float) -> Floats:
    """exp(-k (c_size c_shape - 1)) of SiamRPN, each c the ratio of a change, 1 for none."""
    w, h = sides[0] / believed[0], sides[1] / believed[1]
    size, shape = np.sqrt(w * h), w / h
    change = np.maximum(size, 1 / size) * np.maximum(shape, 1 / shape)
    return np.asarray(np.exp(-penalty * (change - 1)), np.float32)


def _window(size: int) -> Floats:
    """The cosine window, 1 in the middle."""
    row = np.hanning(size + 2)[1:-1]
    return np.outer(row, row).astype(np.float32)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)
