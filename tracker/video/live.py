"""A live source read in the background: the newest frame wins, and silence is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from .source import SourceFault, VideoFrame


class _Mailbox:
    """Holds the newest frame of a running reader, and how the reader ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: VideoFrame | None = None
        self._ended = False
        self._error: Exception | None = None

    def put(self, frame: VideoFrame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def end(self, error: Exception | None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self, timeout: float) -> VideoFrame | None:
        """The newest frame not taken yet, None at the end; raises what the reader raised."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout):
                raise TimeoutError
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame


def newest(frames: Iterator[VideoFrame], name: str, timeout: float) -> Iterator[VideoFrame]:
    """The frames of a live source, without those that came while the last one was in use.

    A tracker slower than its camera would otherwise fall further behind with every frame. Skipped
    frames show as gaps in `index`.

    Raises:
        SourceFault: no frame within `timeout` seconds; whatever `frames` raises passes through.
    """
    mailbox, stop = _Mailbox(), threading.Event()

    def read() -> None:
        error = None
        try:
            for frame in frames:
                mailbox.put(frame)
                if stop.is_set():
                    break
        except Exception as caught:  # it is raised where the frames are used
            error = caught
        mailbox.end(error)

    threading.Thread(target=read, name=f"frames of {name}", daemon=True).start()
    last = -1
    try:
        while (frame := mailbox.take(timeout)) is not None:
            last = frame.index
            yield frame
    except TimeoutError:
        silent = f"{name} stopped answering at frame {last + 1}: no frame for {timeout:g} s"
        raise SourceFault(silent) from None
    finally:
        stop.set()
