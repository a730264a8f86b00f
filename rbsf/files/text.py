"""Reads text, and the rows of numbers that annotations consist of."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        InputError: The file is missing, cannot be read or is not text.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None


def read_numbers(path: Path, columns: int) -> NDArray[np.float64]:
    """The rows of numbers in a file, N x columns. Between numbers are commas, tabs or spaces.

    Raises:
        InputError: The file cannot be read. Or a line has another number of columns, or something
            that is no number.
    """
    rows = [
        _numbers(path, number, line, columns)
        for number, line in enumerate(read_text(path).splitlines(), start=1)
        if line.strip()
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _numbers(path: Path, number: int, line: str, columns: int) -> list[float]:
    words = re.split(r"[,\s]+", line.strip(" ,\t"))
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != columns:
        raise InputError(f"{path} line {number}: {columns} numbers expected, not {line[:60]!r}")
    return values
