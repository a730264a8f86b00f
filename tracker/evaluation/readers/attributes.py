"""What makes a sequence hard, from the files in which the benchmarks keep it.

The short names are those of the benchmarks: SV is scale variation, OCC occlusion, and so on. A file
that is missing or damaged gives no attributes. It is no reason to leave a sequence out.
"""

from __future__ import annotations

import re
from pathlib import Path

from rbsf.errors import InputError
from rbsf.files.text import read_numbers, read_text

OTB = ("IV", "OPR", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OV", "BC", "LR")
"""The columns of OTB's `anno/att/<sequence>.txt`."""

UAV123 = ("SV", "ARC", "LR", "FM", "FOC", "POC", "OV", "BC", "IV", "VC", "CM", "SOB")
"""The columns of UAV123's `att/<sequence>.txt`."""

LASOT = ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC")
"""The columns of LaSOT's `att/<sequence>.txt`, which comes with its evaluation toolkit."""


def flagged(file: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names whose column in a file of one row is 1."""
    try:
        (row,) = read_numbers(file, len(names))
    except (InputError, ValueError):
        return ()
    return tuple(name for name, flag in zip(names, row, strict=True) if flag > 0)


def listed(file: Path) -> tuple[str, ...]:
    """The names that a file such as `attrs.txt` holds, between commas or spaces."""
    try:
        return tuple(re.findall(r"[A-Za-z_]+", read_text(file)))
    except InputError:
        return ()


def ever(file: Path) -> bool:
    """Whether a file of one number for each frame has one above zero."""
    try:
        text = read_text(file)
    except InputError:
        return False
    return any(word.strip("0.") for word in re.split(r"[,\s]+", text) if word)
