"""Tests whose target goes away and comes back, made from sequences in which it does not.

- `occlusion`: A part of another picture comes in from the nearest side, covers the target for a
  while, and leaves on the other side.
- `out-of-view`: The frame becomes a window of the picture, which follows the target, turns away
  from it for a while and comes back.
- `jump-cut`: The frame becomes a window that shows the target at one end. Twice, after a third and
  two thirds of the frames, it jumps and shows the target at the other end. The target is never
  absent, but it is where no motion leads.

The truth follows from the true boxes of the sequence and from geometry: a row is NaN where less
than a quarter of the box can be seen. Everything random follows from the sequence's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from rbsf.errors import InputError
from rbsf.files.image import read_image

from .edits import Occluder, Window
from .metrics import Floats
from .sequence import Boxes, Sequence, check_sequence

Turn = Callable[[Boxes, Floats, tuple[int, int]], Floats | None]
"""Gives the corners (N x 2) of a window for the boxes, the window's size and the picture's size, or
None where they cannot make a test."""

KINDS = ("occlusion", "out-of-view", "jump-cut")
"""The tests that are made from one sequence."""
SHORTEST, LONGEST = 20, 150
"""Of a longer sequence, only so many frames are used; from a shorter one, no test is made."""
AWAY = 0.4, 0.6
"""The target is away between these shares of the frames."""
LONGEST_AWAY = 30
"""It is away for so many frames at most."""
COVER = 1.3
"""The sides of an occluder in those of the largest box that it covers."""
WINDOWS = 0.65, 0.5, 0.35
"""The sides of a window in those of the picture. The first that can make a test is used."""
ENDS = 0.2, 0.8
"""Where the target is shown in a window before and after a jump, in sides of the window."""
FAR = 1.5
"""A jump moves the target by so many sides at least."""


def tests_of(sequence: Sequence, others: Several[Path]) -> Iterator[Sequence]:
    """The tests that can be made of a sequence.

    Args:
        sequence: The sequence.
        others: Pictures of other sequences, one of which occludes the target.
    """
    first = read_image(sequence.frames[0], as_stored=True)
    for kind in KINDS:
        if first is not None:
            with suppress(InputError):
                yield make_test(sequence, kind, (first.shape[1], first.shape[0]), others)


def make_test(
    sequence: Sequence, kind: str, size: tuple[int, int], others: Several[Path]
) -> Sequence:
    """Makes a test from a sequence.

    Args:
        sequence: The sequence.
        kind: One of `KINDS`.
        size: The (width, height) of its pictures.
        others: Pictures of other sequences, one of which occludes the target.

    Raises:
        InputError: The sequence is too short, or the target is too large or leaves too little room.
    """
    count = min(len(sequence.frames), LONGEST)
    if count < SHORTEST:
        raise InputError(f"{count} frames are too few for a test: {SHORTEST} are needed")
    boxes = sequence.boxes[:count]
    if kind == "occlusion":
        edit: Occluder | Window = _occluder(sequence.name, _filled(boxes), size, others)
    else:
        turn = _turned_away if kind == "out-of-view" else _jumping
        edit = _window(turn, _filled(boxes), size)
    return check_sequence(
        replace(
            sequence,
            name=f"{sequence.name}.{kind}",
            frames=sequence.frames[:count],
            boxes=edit.seen(boxes),
            bounds=None,
            attributes=(kind,),
            edit=edit,
        )
    )


def _filled(boxes: Boxes) -> Boxes:
    """The boxes with those that are absent interpolated between their neighbours in time."""
    there, frames = np.flatnonzero(~np.isnan(boxes).any(axis=1)), np.arange(len(boxes))
    return np.stack([np.interp(frames, there, side[there]) for side in boxes.T], axis=1)


def _gone(count: int) -> Floats:
    """How far the target is gone in each frame: 0 it is there, 1 it is away, between on the way."""
    start, end = (round(share * count) for share in AWAY)
    end = min(end, start + LONGEST_AWAY)
    way = max((end - start) // 4, 2)
    return np.interp(np.arange(count), [start - way, start, end - 1, end - 1 + way], [0, 1, 1, 0])


def _occluder(name: str, boxes: Boxes, size: tuple[int, int], others: Several[Path]) -> Occluder:
    """An occluder that crosses the picture along the axis of its shorter way."""
    if not others:
        raise InputError("there is no other sequence, whose pictures could cover the target")
    gone = _gone(len(boxes))
    near, centers = gone > 0, boxes[:, :2] + boxes[:, 2:] / 2
    sides = np.ceil(COVER * boxes[near, 2:].max(axis=0))
    if (sides > np.array(size)).any():
        raise InputError("the target is too large to be covered")
    first = int(np.argmax(near))
    ways = np.array([*centers[first], *(np.array(size) - centers[first])]) + np.tile(sides / 2, 2)
    side = int(ways.argmin())  # the picture's left, top, right or bottom
    sign = np.where(np.arange(len(boxes)) < len(boxes) * sum(AWAY) / 2, 1, -1)
    shift = np.zeros_like(centers)
    shift[:, side % 2] = (1 - gone) * sign * (-1 if side < 2 else 1) * ways[side]
    corners = np.round(centers + shift - sides / 2).astype(int)
    w, h = sides.astype(int).tolist()
    places = tuple(
        (x, y, w, h) if there else None
        for (x, y), there in zip(corners.tolist(), near.tolist(), strict=True)
    )
    file = others[zlib.crc32(name.encode()) % len(others)]
    return Occluder("/".join(file.parts[-3:]), places, file)


def _window(turn: Turn, boxes: Boxes, size: tuple[int, int]) -> Window:
    """The largest window with which a test can be made."""
    for share in WINDOWS:
        window = np.floor(share * np.array(size))
        if (boxes[:, 2:] < window * 0.8).all() and (
            corners := turn(boxes, window, size)
        ) is not None:
            rounded = np.clip(np.round(corners), 0, np.array(size) - window).astype(int)
            width, height = window.astype(int).tolist()
            return Window((width, height), tuple((x, y) for x, y in rounded.tolist()))
    raise InputError("the target is too large, or too near the middle, for a window that leaves it")


def _following(boxes: Boxes, window: Floats, size: tuple[int, int], place: Floats) -> Floats:
    """Corners of a window, inside the picture, that shows the target at a place (in its sides)."""
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    return np.clip(centers - place * window, 0, np.array(size) - window)


def _turned_away(boxes: Boxes, window: Floats, size: tuple[int, int]) -> Floats | None:
    """Corners of a window that follows the target but for a while; None if it cannot leave it."""
    gone, room = _gone(len(boxes)), np.array(size) - window
    away = boxes[gone == 1]
    low, high = away[:, :2].min(axis=0), (away[:, :2] + away[:, 2:]).max(axis=0)
    leaves = np.flatnonzero([*(high <= room), *(low >= window)])  # by left, top, right, bottom
    if not len(leaves):
        return None
    axis, far = leaves[0] % 2, room if leaves[0] < 2 else np.zeros(2)
    corners = _following(boxes, window, size, np.full(2, 0.5))
    corners[:, axis] += gone * (far[axis] - corners[:, axis])
    return corners


def _jumping(boxes: Boxes, window: Floats, size: tuple[int, int]) -> Floats | None:
    """Corners of a window that jumps twice; None if the target is not moved far enough."""
    thirds = np.arange(len(boxes)) * 3 // len(boxes)
    for axis in np.argsort(-window).tolist():
        place = np.full((len(boxes), 2), 0.5)
        place[:, axis] = np.where(thirds % 2, ENDS[1], ENDS[0])
        corners = _following(boxes, window, size, place)
        jumps = np.abs(np.diff(boxes[:, axis] - corners[:, axis]))[np.diff(thirds) > 0]
        if (jumps >= FAR * boxes[:, 2 + axis].max()).all():
            return corners
    return None
