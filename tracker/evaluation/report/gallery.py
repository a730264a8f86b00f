"""The strips of the page: pictures as data, within a budget that keeps the page small."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rbsf.files.atomic import make_folder

from .figures.strip import write_strip
from .strips import Strip, failures_first, make_strips
from .study import Study
from .tiles import Tile
from .timeline import overlap_path, position

BUDGET = 3_000_000
"""Bytes of pictures in the page, encoded; the page as a whole stays below 5 MB."""


def gallery(study: Study, folder: Path, wanted: Iterable[str] | None = None) -> dict[str, Any]:
    """What the template shows of the strips; each is also written as PNG and PDF.

    Args:
        folder: Where the PNG and PDF files go.
        wanted: The sequences to show, whatever they weigh; by default failures first, until the
            budget is used up.
    """
    make_folder(folder)
    names = list(wanted) if wanted is not None else failures_first(study)
    trackers = [entry.name for entry in study.entries]
    shown: list[dict[str, Any]] = []
    spent = 0
    for strip in make_strips(study, names):
        entry = _entry(strip, trackers)
        spent += sum(len(tile["jpeg"]) for tile in entry["tiles"])
        if wanted is None and shown and spent > BUDGET:
            break
        write_strip(strip, trackers, folder)
        shown.append(entry)
    return {"strips": shown, "strips_note": _note(len(shown), len(study.names))}


def _note(shown: int, total: int) -> str:
    if shown == total:
        return ""
    return f"{shown} of {total} sequences are shown; --strips NAME,NAME chooses others."


def _entry(strip: Strip, trackers: list[str]) -> dict[str, Any]:
    caption = f"AO {strip.ao:.3f}"
    if strip.start:
        caption += f", from the worst start, {strip.start}"
    caption += f"; lost in frame {strip.lost_from}" if strip.lost_from else "; never lost"
    frames = len(strip.overlaps[0])
    first = strip.first_frame
    return {
        "sequence": strip.sequence,
        "file": strip.sequence,
        "caption": caption,
        "tiles": [_tile(tile, trackers) for tile in strip.tiles],
        "ticks": [position((tile.number - first - 0.5) / frames) for tile in strip.tiles],
        "paths": [overlap_path(overlaps) for overlaps in strip.overlaps],
    }


def _tile(tile: Tile, trackers: list[str]) -> dict[str, Any]:
    overlaps = {mark.tracker: mark.overlap for mark in tile.marks if mark.tracker is not None}
    words = [
        f"{trackers[tracker]} overlaps the true box by {overlap:.2f}"
        for tracker, overlap in sorted(overlaps.items())
        if math.isfinite(overlap)
    ]
    own = overlaps.get(0, math.nan)
    caption = f"IoU {own:.2f}" if math.isfinite(own) else "no true box"
    return {
        "number": tile.number,
        "jpeg": base64.b64encode(tile.jpeg).decode(),
        "marks": tile.marks,
        "lost": tile.lost,
        "caption": f"{caption}, lost" if tile.lost else caption,
        "text": f"Frame {tile.number}: {'; '.join(words) or 'the target is absent'}.",
    }
