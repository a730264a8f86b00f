"""One target to follow: its frames, its true boxes and what the benchmark says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.files.names import plain_name
from rbsf.geometry import Frame

Boxes = NDArray[np.float64]

Edit = Callable[[Frame, int], Frame]
"""Changes the frame of an index once it is read. Its repr tells edits apart in stored results."""


class LeftOut(NamedTuple):
    """A sequence that has no part in the figures, and the reason in one line."""

    sequence: str
    reason: str

    def __str__(self) -> str:
        return f"{self.sequence}: {self.reason}"


def by_reason(left_out: Iterable[LeftOut], shown: int | None = None) -> list[str]:
    """A line for each reason, with the sequences that are left out for it.

    Args:
        left_out: The sequences and the reasons.
        shown: How many sequences are named for each reason, and the others counted. None names all.
    """
    names: dict[str, list[str]] = {}
    for sequence, reason in left_out:
        names.setdefault(reason, []).append(sequence)
    return [f"{_first(sequences, shown)}: {reason}" for reason, sequences in names.items()]


def _first(names: list[str], shown: int | None) -> str:
    rest = len(names) - (shown or len(names))
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True)
class Sequence:
    """One target to follow.

    Attributes:
        name: It is unique within the benchmark, and fit to be the name of a file.
        frames: N image files.
        boxes: N x 4, 0-indexed. A row is NaN where the target is absent or, in GOT-10k, invisible.
            The first row is a box.
        bounds: The (width, height) to which boxes are cut before they are scored, or None where the
            benchmark does not cut them.
        attributes: What makes the sequence hard, in the benchmark's own short names, such as OCC.
        edit: What is done to each image after it is read, or None where it is shown as it is.
    """

    name: str
    frames: tuple[Path, ...]
    boxes: Boxes
    bounds: tuple[int, int] | None = None
    attributes: tuple[str, ...] = ()
    edit: Edit | None = None

    @property
    def present(self) -> NDArray[np.bool_]:
        """For each frame, whether it has a true box."""
        return np.asarray(~np.isnan(self.boxes).any(axis=1))


def check_sequence(sequence: Sequence, *, scored: bool = True) -> Sequence:
    """The same sequence, once its images and boxes agree.

    Args:
        sequence: What a reader has found.
        scored: Whether a frame after the first must have a box.

    Raises:
        InputError: The numbers of images and boxes differ, or a box that is needed is absent. Or
            the name is no name for a file.
    """
    plain_name(sequence.name, "a sequence")
    frames, boxes = len(sequence.frames), len(sequence.boxes)
    if frames != boxes or not frames:
        raise InputError(f"{frames} images for {boxes} boxes")
    present = sequence.present
    if not present[0]:
        raise InputError("its first frame has no box")
    if scored and not present[1:].any():
        raise InputError("no frame after the first has a box")
    return sequence
