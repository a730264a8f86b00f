"""A live source in a window: python examples/camera.py SOURCE x y w h

SOURCE is a camera's number (0), an rtsp:// address, or a file. A live source drops the frames that
come while the last one is in use, so that the picture never lags behind. Without a display the
boxes are printed instead.
"""

import sys

import rbsf
from rbsf import InputError
from tracker.output.sinks import Tracked
from tracker.output.window import WindowSink, require_display
from tracker.session import run
from tracker.video.open import open_source


class Printed:
    """Prints a line per frame."""

    def write(self, tracked: Tracked) -> None:
        box, score, lost = tracked.tracks[0]
        print(tracked.frame.index, *map(round, box), f"{score:.2f}", "lost" if lost else "")

    def close(self) -> None:
        """There is nothing to complete."""


def window_or_lines() -> WindowSink | Printed:
    """A window where there is a display."""
    try:
        require_display("the window", "lines are printed")
    except InputError as error:
        print(error)
        return Printed()
    return WindowSink()


source = open_source(sys.argv[1])
group = rbsf.TrackerGroup(rbsf.load_embedder())
print(run(source, [[float(word) for word in sys.argv[2:6]]], group, [window_or_lines()]))
