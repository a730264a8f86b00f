"""Writes boxes as lines that can be followed while they are made: one JSON record a line."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rbsf.files.atomic import cannot_write
from rbsf.geometry import Box

from .box_file import record_of
from .sinks import Stop

STANDARD_OUTPUT = Path("-")
LINE_SUFFIX = ".jsonl"


class BoxLines:
    """Writes each record at once, to a `.jsonl` file under its own name or to standard output.

    A record has the FIELDS of a box file. If nothing is written, no file appears.

    Args:
        path: The file to write, or STANDARD_OUTPUT.
        targets: The number of targets.
    """

    def __init__(self, path: Path, targets: int = 1) -> None:
        self.path = path
        self._several = targets > 1
        self._stream: TextIO | None = None

    def write(
        self, frame: int, time_s: float, target: int, box: Box, score: float, lost: bool
    ) -> None:
        """Writes one record. Targets are counted from 0 here and from 1 in the file.

        Raises:
            Stop: Whatever read standard output has ended.
            InputError: The file cannot be written.
        """
        number = target if self._several else None
        record = record_of(frame, time_s, number, box, score, lost)
        with cannot_write(self.path):
            try:
                print(json.dumps(record, allow_nan=False), file=self._open(), flush=True)
            except BrokenPipeError:
                _forget_standard_output()
                raise Stop from None

    def close(self) -> None:
        """Closes the file."""
        if self._stream is not None and self._stream is not sys.stdout:
            with cannot_write(self.path):
                self._stream.close()

    def _open(self) -> TextIO:
        if self._stream is None:
            is_file = self.path != STANDARD_OUTPUT
            self._stream = self.path.open("w", encoding="utf-8") if is_file else sys.stdout
        return self._stream


def _forget_standard_output() -> None:
    """Sends what is left to nowhere, so that Python does not fail on it when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
