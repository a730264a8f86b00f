"""OpenCV's trackers, so that they run beside ours: same frames, same clock, same threads.

A rival is named in one word: `csrt`, `kcf`, `mil`, `nano:BACKBONE,HEAD` or `vit:FILE`. Its first
box is rounded to whole pixels, as OpenCV asks. In a frame where it reports a failure, it keeps the
last box that it found, as ours does. Random numbers begin anew in every run. Without that, MIL's
boxes would depend on the sequences that ran before.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2

from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from rbsf.files.image import quiet_opencv
from rbsf.geometry import Box, Frame

from .code import RIVALS as DECIDING
from .code import code_hash
from .contenders import Contender

INSTALL_CONTRIB = "pip install --force-reinstall --no-deps opencv-contrib-python-headless"
"""What puts the contrib trackers there. Both wheels of OpenCV own the same files, and the one that
is installed last wins. So it is installed over the plain one, which stays for those that ask for
it by name."""


SEED = 0
"""The seed of all random numbers in every run."""


@dataclass(frozen=True)
class Kind:
    """A tracker of OpenCV's.

    Attributes:
        factory: The name of what makes it, in cv2.
        files: The names of the parameters that take its files, in the order of the command line.
        contrib: Whether only OpenCV's contrib wheels have it.
    """

    factory: str
    files: tuple[str, ...] = ()
    contrib: bool = False


KINDS = {
    "csrt": Kind("TrackerCSRT", contrib=True),
    "kcf": Kind("TrackerKCF", contrib=True),
    "mil": Kind("TrackerMIL"),
    "nano": Kind("TrackerNano", files=("backbone", "neckhead")),
    "vit": Kind("TrackerVit", files=("net",)),
}


class OpenCvTracker:
    """One of OpenCV's trackers with the methods of ours.

    Args:
        make: Gives the tracker of OpenCV's.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        _seed()
        self._tracker = make()

    def init(self, frame: Frame, box: Box) -> None:
        """Starts on a frame with the target's box."""
        self._box = box
        self._tracker.init(frame, _whole_pixels(box, frame))

    def update(self, frame: Frame) -> SimpleNamespace:
        """The box in the next frame, the score of those that have one, and whether it failed."""
        found, box = self._tracker.update(frame)
        if found:
            self._box = Box(*(float(value) for value in box))
        score = getattr(self._tracker, "getTrackingScore", lambda: None)()
        return SimpleNamespace(box=self._box, score=score, lost=not found)


def is_rival(word: str) -> bool:
    """Whether a word of a command line names a rival."""
    kind, colon, _ = word.partition(":")
    return kind in KINDS and bool(colon) == bool(KINDS[kind].files)


def rival_contender(word: str) -> Contender:
    """The contender that a word such as `kcf` or `nano:backbone.onnx,head.onnx` names.

    Raises:
        InputError: The word names no rival, OpenCV lacks it, or a file is missing or not for it.
    """
    name, _, given = word.partition(":")
    if name not in KINDS:
        raise InputError(f"unknown rival {name}; known: {', '.join(map(_usage, KINDS))}")
    kind, files = KINDS[name], [Path(file) for file in given.split(",") if file]
    if len(files) != len(kind.files):
        raise InputError(f"the rival {word} is to be given as {_usage(name)}")
    _check_installed(name, kind)
    _check_files(word, files)
    make = partial(_make, kind, tuple(map(str, files)))
    _try(word, make)
    return Contender(
        name=_name(name, files),
        engine="opencv",
        weights_sha256=_joint_sha256(files) if files else None,
        config={
            "tracker": name,
            "opencv": cv2.__version__,
            "files": {
                role: file_sha256(file) for role, file in zip(kind.files, files, strict=True)
            },
        },
        make=partial(OpenCvTracker, make),
        code=code_hash(deciding=DECIDING),
    )


def _seed() -> None:
    """Seeds OpenCV's own numbers, and those of the C library, from which MIL draws its features."""
    cv2.setRNGSeed(SEED)
    ctypes.CDLL(None).srand(SEED)


def _usage(name: str) -> str:
    files = {"nano": ":BACKBONE,HEAD", "vit": ":FILE"}
    return name + files.get(name, "")


def _check_installed(name: str, kind: Kind) -> None:
    if hasattr(cv2, kind.factory):
        return
    if kind.contrib:
        raise InputError(f"{name} is not in this OpenCV, only in contrib: {INSTALL_CONTRIB}")
    raise InputError(
        f"{name} is not in this OpenCV ({cv2.__version__}): pip install -U opencv-python-headless"
    )


def _check_files(word: str, files: list[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise InputError(f"the rival {word} has no file {file}")


def _try(word: str, make: Callable[[], Any]) -> None:
    """Makes the tracker once, so that files that are not for it are refused before any run."""
    try:
        make()
    except cv2.error as error:
        raise InputError(
            f"OpenCV cannot make {word}: {' '.join(str(error).split())[:200]}"
        ) from None


def _make(kind: Kind, files: tuple[str, ...]) -> Any:
    factory = getattr(cv2, f"{kind.factory}_create")
    if not files:
        return factory()
    parameters = getattr(cv2, f"{kind.factory}_Params")()
    for role, file in zip(kind.files, files, strict=True):
        setattr(parameters, role, file)
    with quiet_opencv():
        return factory(parameters)


def _name(kind: str, files: list[Path]) -> str:
    """What its files' names have in common, as `nanotrack_v2`, or else the kind."""
    if not files:
        return kind
    first, last = min(file.stem for file in files), max(file.stem for file in files)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in same).rstrip("_-. ") or kind


def _joint_sha256(files: list[Path]) -> str:
    """The hash of files one after the other, which is what `cat FILES | sha256sum` prints."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _whole_pixels(box: Box, frame: Frame) -> tuple[int, int, int, int]:
    """The box to the nearest pixels, with some of it in the frame."""
    height, width = frame.shape[:2]
    x, y = (min(max(round(v), 0), size - 1) for v, size in ((box.x, width), (box.y, height)))
    w = min(max(round(box.x + box.w) - x, 1), width - x)
    h = min(max(round(box.y + box.h) - y, 1), height - y)
    return x, y, w, h
