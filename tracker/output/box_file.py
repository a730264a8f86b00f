"""Writes boxes as csv, json or txt: one record for each frame and target."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rbsf.files.atomic import cannot_write, partial_name, publish
from rbsf.geometry import Box

BOX_SUFFIXES = (".csv", ".json", ".txt")

FIELDS = ("frame", "time_s", "x", "y", "w", "h", "score", "lost")
"""The columns of a record.

`frame` is the frame's number in the source, counted from 0. `time_s` is the time since frame 0 in
seconds. `x, y, w, h` is the box in pixels, 0-indexed. `score` lies in [0, 1]. `lost` is 0 or 1.
With several targets, a column `target` comes first, counted from 1."""

_FORMATS = {"time_s": ".6f", "x": ".3f", "y": ".3f", "w": ".3f", "h": ".3f", "score": ".4f"}


class BoxWriter:
    """Writes records as they come, under a temporary name. `close` renames the file into place.

    A `.csv` file has a header line and then FIELDS. A `.json` file is one object: the entries of
    `header`, then "records". A `.txt` file holds `x,y,w,h` alone; several targets have a file each
    (`boxes_1.txt`, `boxes_2.txt`). If nothing is written, no file appears.

    Args:
        path: The file to write. Its suffix is one of BOX_SUFFIXES.
        targets: The number of targets.
        header: What the json file says besides the records: source, weights and settings.
    """

    def __init__(
        self,
        path: str | Path,
        targets: int = 1,
        header: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.files = box_files(self.path, targets)
        self._kind = self.path.suffix.lower()
        self._several = targets > 1
        self._header = dict(header or {})
        self._parts = [partial_name(file) for file in self.files]
        self._open: list[TextIO] = []
        self._rows = 0

    def write(
        self, frame: int, time_s: float, target: int, box: Box, score: float, lost: bool
    ) -> None:
        """Adds one record. Targets are counted from 0 here and from 1 in the file.

        Raises:
            InputError: The file cannot be written.
        """
        number = target if self._several else None
        record = record_of(frame, time_s, number, box, score, lost)
        with cannot_write(self.path, *self._parts):
            if not self._open:
                self._start(record)
            self._open[target if self._kind == ".txt" else 0].write(self._line(record))
        self._rows += 1

    def close(self) -> None:
        """Completes the files and renames them, unless nothing was written or writing failed."""
        if not all(part.exists() for part in self._parts):
            return
        with cannot_write(self.path, *self._parts):
            if self._kind == ".json":
                self._open[0].write("\n]}\n")
            for stream, file in zip(self._open, self.files, strict=True):
                stream.close()
                publish(Path(stream.name), file)

    def _start(self, record: dict[str, float]) -> None:
        self._open = [part.open("x", encoding="utf-8") for part in self._parts]
        if self._kind == ".csv":
            self._open[0].write(",".join(record) + "\n")
        elif self._kind == ".json":
            head = json.dumps({**self._header, "records": []}, indent=1, allow_nan=False)
            self._open[0].write(head[: head.rindex("]")] + "\n")

    def _line(self, record: dict[str, float]) -> str:
        if self._kind == ".json":
            return (",\n" if self._rows else "") + json.dumps(record, allow_nan=False)
        names = FIELDS[2:6] if self._kind == ".txt" else list(record)
        return ",".join(f"{record[name]:{_FORMATS.get(name, 'd')}}" for name in names) + "\n"


def record_of(
    frame: int, time_s: float, target: int | None, box: Box, score: float, lost: bool
) -> dict[str, float]:
    """One record, with its FIELDS. `target` counts from 0; None leaves it out.

    A score that is no number is written as 0.
    """
    record: dict[str, float] = {} if target is None else {"target": target + 1}
    sizes = (round(value, 3) for value in box)
    score = 0.0 if math.isnan(score) else round(score, 4)
    values = (frame, round(time_s, 6), *sizes, score, int(lost))
    return record | dict(zip(FIELDS, values, strict=True))


def box_files(path: Path | None, targets: int) -> list[Path]:
    """Lists the files that a BoxWriter makes from a path. Without a path there are none."""
    if path is None:
        return []
    if path.suffix.lower() != ".txt" or targets == 1:
        return [path]
    return [path.with_name(f"{path.stem}_{n}{path.suffix}") for n in range(1, targets + 1)]
