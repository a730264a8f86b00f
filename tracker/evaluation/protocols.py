"""The runs that a protocol asks for on a sequence: where each starts, and with which box.

- `ope`, one-pass evaluation: one run, from the first true box.
- `sre`, spatial robustness: 12 runs from the first frame. The first box is moved by 10% of its size
  left, right, up and down, is drawn out by 10% at each of its four corners, or is scaled about its
  centre to 80, 90, 110 and 120%.
- `tre`, temporal robustness: up to 20 runs, each from a true box further on in the sequence to its
  end. At least 20 frames are left to the last one.

Both are defined in Y. Wu, J. Lim and M.-H. Yang, "Online object tracking: a benchmark", CVPR 2013,
and here as in its toolbox, but that boxes are not rounded to whole pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from rbsf.geometry import Box

from .sequence import Sequence

Protocol = Literal["ope", "sre", "tre"]

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

TITLES: dict[Protocol, str] = {
    "ope": "one-pass evaluation (OPE)",
    "sre": "spatial robustness evaluation (SRE), 12 first boxes",
    "tre": "temporal robustness evaluation (TRE), 20 starts",
}

STARTS = 20
"""Runs on a sequence that is long enough, under TRE."""
SHORTEST = 20
"""Frames that are left to the last run under TRE."""


class Edges(NamedTuple):
    """By how much of the box's size its edges move to the right or down."""

    left: float
    top: float
    right: float
    bottom: float


SHIFTS: dict[str, Edges] = {
    "left": Edges(-0.1, 0, -0.1, 0),
    "right": Edges(0.1, 0, 0.1, 0),
    "up": Edges(0, -0.1, 0, -0.1),
    "down": Edges(0, 0.1, 0, 0.1),
    "top_left": Edges(-0.1, -0.1, 0, 0),
    "top_right": Edges(0, -0.1, 0.1, 0),
    "bottom_left": Edges(-0.1, 0, 0, 0.1),
    "bottom_right": Edges(0, 0, 0.1, 0.1),
    "scale_80": Edges(0.1, 0.1, -0.1, -0.1),
    "scale_90": Edges(0.05, 0.05, -0.05, -0.05),
    "scale_110": Edges(-0.05, -0.05, 0.05, 0.05),
    "scale_120": Edges(-0.1, -0.1, 0.1, 0.1),
}
"""The first boxes of SRE, by name."""

STANDING = Edges(0, 0, 0, 0)


class Start(NamedTuple):
    """Where one run begins.

    Attributes:
        name: The run's name within the sequence.
        frame: The index of the first frame.
        shift: How the first box differs from the true one.
    """

    name: str
    frame: int = 0
    shift: Edges = STANDING


class Run(NamedTuple):
    """One run of a tracker over a sequence, or over the end of it."""

    sequence: Sequence
    start: Start

    @property
    def frames(self) -> int:
        """The number of frames, the first included."""
        return len(self.sequence.frames) - self.start.frame

    @property
    def path(self) -> str:
        """Where its boxes are kept below `boxes/`, without the suffix."""
        name = self.sequence.name
        return name if self.start.name == "ope" else f"{name}/{self.start.name}"

    def first_box(self, size: tuple[int, int]) -> Box:
        """The box that the tracker is given, 0-indexed, in an image of (width, height)."""
        true = Box(*self.sequence.boxes[self.start.frame].tolist())
        return true if self.start.shift == STANDING else shifted(true, self.start.shift, size)


def runs_of(sequence: Sequence, protocol: Protocol) -> list[Run]:
    """The runs that a protocol asks for."""
    return [Run(sequence, start) for start in _starts(sequence, protocol)]


def shifted(box: Box, shift: Edges, size: tuple[int, int]) -> Box:
    """A box with its edges moved. It is then pushed into an image of (width, height) at the left
    and top, and cut at the right and bottom, as OTB's toolbox does it."""
    left = max(box.x + shift.left * box.w, 0.0)
    top = max(box.y + shift.top * box.h, 0.0)
    width = (1 + shift.right - shift.left) * box.w
    height = (1 + shift.bottom - shift.top) * box.h
    return Box(
        left, top, max(min(width, size[0] - left), 1.0), max(min(height, size[1] - top), 1.0)
    )


def _starts(sequence: Sequence, protocol: Protocol) -> list[Start]:
    if protocol == "ope":
        return [Start("ope")]
    if protocol == "sre":
        return [Start(name, 0, shift) for name, shift in SHIFTS.items()]
    return [
        Start(f"start_{number:02d}", frame)
        for number, frame in enumerate(_first_frames(sequence), start=1)
    ]


def _first_frames(sequence: Sequence) -> list[int]:
    """The frames at which TRE starts, at equal steps over those whose box begins in the image."""
    inside = np.asarray((sequence.boxes[:, :2] > -1).all(axis=1))  # a box that is absent is not
    inside[0] = True
    fit = np.flatnonzero(inside)
    count = max(int((fit <= len(sequence.frames) - SHORTEST).sum()), 1)
    steps = np.floor(1 + np.arange(STARTS - 1) * count / (STARTS - 1)).astype(int)
    places = sorted({*np.minimum(steps, count).tolist(), count})
    frames = [int(fit[place - 1]) for place in places]
    return [frame for frame in frames if sequence.present[frame + 1 :].any()]
