"""Decides on one box from what a network with a box head says about a search crop.

There are two witnesses. The head gives boxes, and its belief of where the target's middle is. The
plain correlation knows best which of several things is the target. Their logits are added cell by
cell. A cell whose box changes the size loses, and places near the last one are preferred. The best
cell's neighbours see the same target, so the answer is the mean of their boxes and its own. Its
place can be averaged with the correlation's peak nearby.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rbsf.config import Settings

if TYPE_CHECKING:
    from rbsf.engine.box_answer import BoxAnswer

Floats = NDArray[np.float32]

STRIDE = 8
"""How many pixels of a search crop correspond to one cell."""
PEAK = 40.0
"""How wide the peak of a small target is in the response, in pixels of the crop."""
NEIGHBOURS = 2
"""How many cells to each side of the head's place the correlation's peak is looked for."""
VOTERS = 2
"""How many cells to each side of the best one have a vote on the box."""
AGREEMENT = 0.5
"""The IoU with the best cell's box from which on a box has a vote."""
LARGEST_ANSWER = 1e9
"""An answer with a value of this size is nonsense. A network with damaged weights gives such."""
OTHERS = 3
"""At most so many other answers are kept beside the best one."""
BELIEVED = 0.4
"""Another answer is kept if its score is at least this share of the best one's."""
APART = 0.4
"""Answers whose boxes have a larger IoU than this are one answer."""
NONSENSE = (-20.0, 0.0)
"""The quality's logit and the margin of an answer that is nonsense."""


class DecisionConfig(Settings):
    """How the two witnesses are weighed."""

    response_weight: float = Field(default=0.5, ge=0, le=1)
    """The share of the correlation's logits in the belief of a cell. The rest is the head's."""
    peak_share: float = Field(default=0.0, ge=0, le=1)
    """The share of the correlation's peak in the place. The rest is the head's. A pilot that was
    trained for longer did best at one half; with the present weights the peak only takes away."""
    size_penalty: float = Field(default=0.05, ge=0, le=100)
    """How strongly a change of size or shape counts against a cell (SiamRPN's k)."""
    window_influence: float = Field(default=0.4, ge=0, lt=1)
    """The weight of the Hann window, which favours small displacements."""


class Decision(NamedTuple):
    """The answer for one search crop."""

    box: tuple[float, float, float, float]
    """The centre x and y from the crop's middle, the width and the height, in the crop's pixels."""
    score: float
    """The belief that the target is there, times the IoU that is expected of the box, 0 to 1."""
    quality: float
    """The head's logit of the IoU that is expected of the box."""
    margin: float
    """By how much the highest belief in the box exceeds the highest beside it, in logits."""
    others: tuple[Decision, ...] = ()
    """What else in the crop looks like the target, the likeliest first. These have no others."""


def decide(
    answer: BoxAnswer,
    believed: tuple[float, float],
    config: DecisionConfig,
    last: tuple[float, float] = (0.0, 0.0),
) -> Decision:
    """Chooses the best box of an answer.

    Args:
        answer: What the network says about the search crop.
        believed: The width and height that the crop was cut for, in pixels of the crop.
        config: How the witnesses are weighed.
        last: Where the target was last seen: x and y from the crop's middle, in pixels of the crop.
    """
    # an answer that is nonsense
    if not all(np.abs(map_).max() < LARGEST_ANSWER for map_ in answer):  # not so for a NaN
        return Decision((0.0, 0.0, *believed), 0.0, *NONSENSE)
    # belief of each cell
    w = config.response_weight
    belief = w * answer.response + (1 - w) * answer.target
    score = _sigmoid(belief) * _sigmoid(answer.quality)
    # changes of size and far places count against a cell
    wanted = score * _size_factor(answer.boxes[2:], believed, config.size_penalty)
    v = config.window_influence
    wanted = (1 - v) * wanted + v * window_around(len(wanted), last) * wanted.max()
    # the box around the best cell, whose place is shared with the correlation's peak
    row, column = (int(at) for at in np.unravel_index(int(wanted.argmax()), wanted.shape))
    x, y, width, height = voted_box(answer.boxes, score, row, column)
    if config.peak_share:
        px, py = response_peak(answer.response, x, y)
        x, y = (a + config.peak_share * (b - a) for a, b in ((x, px), (y, py)))
    box = x, y, width, height
    at_best = float(score[row, column]), float(answer.quality[row, column])
    best = Decision(box, *at_best, second_peak_margin(belief, box))
    return best._replace(others=tuple(_others(answer, score, belief, best)))


def _others(answer: BoxAnswer, score: Floats, belief: Floats, best: Decision) -> Iterator[Decision]:
    """Yields the answers of the best cells whose boxes lie apart from all answers before.

    They come in every frame and are seldom needed, so nothing costly is done for them: their boxes
    are those of single cells, and their margins are over the crop's highest belief.
    """
    rows, columns = np.nonzero(score >= BELIEVED * best.score)
    boxes = answer.boxes[:, rows, columns].astype(np.float64)
    left, box = score[rows, columns], np.array(best.box)
    for _ in range(OTHERS):
        left = np.where(_ious(boxes, box) > APART, 0, left)
        one = int(left.argmax())
        if not left[one] > 0:
            return
        at, box = (rows[one], columns[one]), boxes[:, one]
        x, y, w, h = box.tolist()
        margin = float(belief[at] - belief.max())
        yield Decision((x, y, w, h), float(score[at]), float(answer.quality[at]), margin)


def voted_box(
    boxes: Floats, score: Floats, row: int, column: int
) -> tuple[float, float, float, float]:
    """The mean of the boxes of the best cell and its neighbours, each weighted by its score.

    A box that hardly overlaps the best cell's has no vote, since it is of another thing. The mean
    is steadier than any one box (box voting, Gidaris and Komodakis, ICCV 2015).

    Args:
        boxes: The boxes, 4 x r x r, as `BoxAnswer` has them, in pixels of the crop.
        score: The scores of the cells, r x r, from 0 to 1.
        row: The row of the best cell.
        column: Its column.

    Returns:
        The centre x and y from the crop's middle, the width and the height, in the crop's pixels.
    """
    rows = slice(max(row - VOTERS, 0), row + VOTERS + 1)
    columns = slice(max(column - VOTERS, 0), column + VOTERS + 1)
    near = boxes[:, rows, columns].reshape(4, -1).astype(np.float64)
    best = boxes[:, row, column].astype(np.float64)
    vote = score[rows, columns].ravel() * (_ious(near, best) >= AGREEMENT)
    if not vote.sum() > 0:  # scores so small that they are zero
        return tuple(best.tolist())
    change = (near - best[:, None]) @ vote / vote.sum()  # so that equal boxes change nothing at all
    return tuple((best + change).tolist())


def second_peak_margin(belief: Floats, box: tuple[float, float, float, float]) -> float:
    """By how much the highest belief in a box exceeds the highest beside it.

    Args:
        belief: The belief of each cell, r x r, as logits.
        box: The centre x and y from the crop's middle, the width and the height, in the crop's
            pixels. The box counts as at least 40 pixels wide and high, since a smaller target has
            a peak of that width, too.

    Returns:
        The difference, or 0 where the box covers all cells or none.
    """
    x, y, width, height = box
    cells = (np.arange(len(belief)) - (len(belief) - 1) / 2) * STRIDE
    columns = np.abs(cells - x) <= max(width / 2, PEAK / 2)
    rows = np.abs(cells - y) <= max(height / 2, PEAK / 2)
    inside = np.outer(rows, columns)
    if not inside.any() or inside.all():
        return 0.0
    return float(belief[inside].max() - belief[~inside].max())


def response_peak(response: Floats, x: float, y: float) -> tuple[float, float]:
    """Finds the peak of the correlation near a place.

    It is the highest cell within two cells of the place, moved to the vertex of the parabola
    through it and its neighbours, by at most half a cell. The peak of a flat response is the place
    itself.

    Args:
        response: The correlation, r x r.
        x: The place along x, in pixels from the crop's middle.
        y: The place along y, likewise.

    Returns:
        The x and y of the peak, in pixels from the crop's middle.
    """
    middle = (len(response) - 1) / 2
    rows, columns = (_span(middle + at / STRIDE, len(response)) for at in (y, x))
    part = response[rows, columns]
    if part.max() - part.min() <= 1e-6:
        return x, y
    row, column = np.unravel_index(int(part.argmax()), part.shape)
    row, column = row + rows.start, column + columns.start
    dx, dy = _vertex(response[row], column), _vertex(response[:, column], row)
    return (column + dx - middle) * STRIDE, (row + dy - middle) * STRIDE


def _ious(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """The IoUs of boxes (4, N) with a box (4,): centres, widths and heights."""
    low = np.maximum(boxes[:2] - boxes[2:] / 2, (box[:2] - box[2:] / 2)[:, None])
    high = np.minimum(boxes[:2] + boxes[2:] / 2, (box[:2] + box[2:] / 2)[:, None])
    shared = np.prod(np.maximum(high - low, 0), axis=0)
    return np.asarray(shared / (np.prod(boxes[2:], axis=0) + np.prod(box[2:]) - shared))


def _span(at: float, size: int) -> slice:
    """The cells of a line of `size` cells that are near a place, which may lie beyond its ends."""
    nearest = min(max(round(at), 0), size - 1)
    return slice(max(nearest - NEIGHBOURS, 0), min(nearest + NEIGHBOURS + 1, size))


def _vertex(line: Floats, at: int) -> float:
    """The vertex of the parabola through a value and its two neighbours, in cells from it."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, here, behind = (float(value) for value in line[at - 1 : at + 2])
    curve = before - 2 * here + behind
    return min(max((before - behind) / (2 * curve), -0.5), 0.5) if curve < 0 else 0.0


def _size_factor(sides: Floats, believed: tuple[float, float], penalty: float) -> Floats:
    """SiamRPN's exp(-k (c_size c_shape - 1)), where each c is the ratio of a change, 1 for none."""
    w, h = sides[0] / believed[0], sides[1] / believed[1]
    size, shape = np.sqrt(w * h), w / h
    change = np.maximum(size, 1 / size) * np.maximum(shape, 1 / shape)
    return np.asarray(np.exp(-penalty * (change - 1)), np.float32)


def window_around(size: int, middle: tuple[float, float]) -> Floats:
    """The Hann window of a map, whose peak of 1 may lie anywhere.

        w(x, y) = h(x) h(y), where h(d) = cos(pi d / (size + 1)) ** 2 for |d| < (size + 1) / 2,
        else 0

    d counts cells from the peak.

    Args:
        size: The number r of rows and columns.
        middle: The x and y of the peak from the map's middle, in pixels of the crop.

    Returns:
        The window, r x r, from 0 to 1.
    """
    cells = np.arange(size) - (size - 1) / 2
    distances = np.abs([cells - at / STRIDE for at in middle]) / (size + 1)
    x, y = np.where(distances < 0.5, np.cos(np.pi * distances) ** 2, 0)
    return np.outer(y, x).astype(np.float32)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80, 80))), np.float32)  # exp(89) overflows
