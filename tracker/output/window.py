"""A window, for those who have a display: choosing boxes by mouse, and watching."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import cv2

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame

from .annotate import annotate
from .sinks import Stop

if TYPE_CHECKING:
    from .sinks import Tracked

_TITLE = "RB-SF"
_ESCAPE = 27


def require_display(option: str, instead: str) -> None:
    """Checks that a window can be opened.

    Args:
        option: what the user asked for, as `--show`.
        instead: what to do without it.

    Raises:
        InputError: a headless OpenCV, or no display.
    """
    gui = re.search(r"GUI:\s*(\w+)", cv2.getBuildInformation())
    if gui is None or gui[1] == "NONE":
        why = "this OpenCV is the headless one (pip install opencv-python has windows)"
    elif sys.platform == "linux" and not (os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")):
        why = "there is no display (DISPLAY is not set)"
    else:
        return
    raise InputError(f"{option} needs a window, but {why}: {instead}")


def select_boxes(image: Frame) -> list[Box]:
    """Boxes drawn by mouse on a frame: Enter takes one, Escape ends.

    Raises:
        InputError: none was drawn.
    """
    title = f"{_TITLE}: draw a box, Enter; Escape when done"
    drawn = cv2.selectROIs(title, image, showCrosshair=False)
    cv2.destroyWindow(title)
    boxes = [Box(*map(float, box)) for box in drawn if box[2] > 0 and box[3] > 0]
    if not boxes:
        raise InputError("no box was drawn: drag one over the target, then press Enter")
    return boxes


class WindowSink:
    """Shows every frame; q or Escape ends the run."""

    def write(self, tracked: Tracked) -> None:
        frame = tracked.frame
        if frame.image is None:
            return
        cv2.imshow(_TITLE, annotate(frame.image, frame.index, tracked.tracks))
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            raise Stop

    def close(self) -> None:
        cv2.destroyAllWindows()
