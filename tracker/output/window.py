"""Windows, for those who have a display: draw boxes with the mouse, and watch the tracker."""

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
        option: The option that needs a window, such as `--show`.
        instead: What the user can do without a window.

    Raises:
        InputError: OpenCV was built without windows, or there is no display.
    """
    gui = re.search(r"GUI:\s*(\w+)", cv2.getBuildInformation())
    if gui is None or gui[1] == "NONE":
        why = (
            "the installed OpenCV is headless (pip uninstall opencv-python-headless, then "
            "pip install opencv-python, brings windows)"
        )
    elif sys.platform == "linux" and not (os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")):
        why = "there is no display (DISPLAY is not set)"
    else:
        return
    raise InputError(f"{option} needs a window, but {why}: {instead}")


def select_boxes(image: Frame) -> list[Box]:
    """Lets the user draw boxes on a frame with the mouse. Enter takes a box, Escape ends.

    Raises:
        InputError: No box was drawn.
    """
    title = f"{_TITLE}: draw a box and press Enter; press Escape when you are done"
    drawn = cv2.selectROIs(title, image, showCrosshair=False)
    cv2.destroyWindow(title)
    boxes = [Box(*map(float, box)) for box in drawn if box[2] > 0 and box[3] > 0]
    if not boxes:
        raise InputError("no box was drawn: drag one over the target, then press Enter")
    return boxes


class WindowSink:
    """Shows every frame in a window. The key q or Escape ends the run."""

    def write(self, tracked: Tracked) -> None:
        frame = tracked.frame
        if frame.image is None:
            return
        cv2.imshow(_TITLE, annotate(frame.image, frame.index, tracked.tracks))
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            raise Stop

    def close(self) -> None:
        cv2.destroyAllWindows()
