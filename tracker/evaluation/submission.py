"""The zip that GOT-10k's server takes for the test split, and a look at it after it is written.

For each sequence there is a folder with `<sequence>_001.txt`, a box in each line with three digits
after the point, and `<sequence>_time.txt`, the seconds of each frame.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from rbsf.errors import InputError
from rbsf.files.atomic import replacing

from .results import Results, Trajectory

FOLDERS = 180
"""The number of sequences in the test split."""

BOX = re.compile(r"-?\d+\.\d{3}(,-?\d+\.\d{3}){3}")
TIME = re.compile(r"\d+\.\d{8}")
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the zip, so that the same results give the same bytes."""


def write_submission(path: Path, results: Results) -> list[str]:
    """Writes the zip of one tracker, reads it again and gives what the server would refuse.

    Args:
        path: Where the zip goes.
        results: Runs of the test split under `ope`.

    Raises:
        InputError: The zip cannot be written.
    """
    runs = {name: starts["ope"] for name, starts in results.trajectories.items()}
    with replacing(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in _members(runs):
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, "\n".join(lines) + "\n")
    frames = {s.name: len(s.frames) for s in results.dataset.sequences}
    return faults(path, frames)


def faults(path: Path, frames: Mapping[str, int], folders: int = FOLDERS) -> list[str]:
    """What is wrong with a zip, one line for each fault.

    Args:
        path: The zip.
        frames: How many frames each sequence has.
        folders: How many folders there must be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged:
                return [f"{damaged} is damaged"]
            texts = {name: archive.read(name).decode() for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} after writing it: {error}") from None
    found = {name.partition("/")[0] for name in texts}
    wrong = [] if len(found) == folders else [f"it has {len(found)} folders, not {folders}"]
    for name in sorted(found):
        wrong += _faults_of(name, frames.get(name, 0), texts)
    return wrong


def _members(runs: Mapping[str, Trajectory]) -> Iterator[tuple[str, list[str]]]:
    for name, run in sorted(runs.items()):
        boxes = [",".join(f"{value:.3f}" for value in box) for box in run.boxes]
        yield f"{name}/{name}_001.txt", boxes
        yield f"{name}/{name}_time.txt", [f"{seconds:.8f}" for seconds in run.times]


def _faults_of(name: str, frames: int, texts: Mapping[str, str]) -> Iterator[str]:
    for file, pattern, what in (("001", BOX, "boxes"), ("time", TIME, "times")):
        lines = texts.get(f"{name}/{name}_{file}.txt", "").splitlines()
        if len(lines) != frames:
            yield f"{name} has {len(lines)} {what} for {frames} frames"
        bad = next((line for line in lines if not pattern.fullmatch(line)), None)
        if bad is not None:
            yield f"{name} has {bad!r} among its {what}"
