"""Reads a live source in the background. The newest frame wins, and silence is noticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from .source import SourceFault, VideoFrame


class _Mailbox:
    """Holds the newest frame of a running reader, and the reader's error if it failed."""

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
        """Waits for the newest frame that was not taken yet. None means that the reader ended.

        Raises:
            TimeoutError: No frame came in time.
            Exception: Whatever the reader raised.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout):
                raise TimeoutError
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame


def newest(frames: Iterator[VideoFrame], name: str, timeout: float) -> Iterator[VideoFrame]:
    """Yields the frames of a live source, and skips those that came while the last was in use.

    Otherwise a tracker slower than its camera would fall further behind with every frame. Skipped
    frames leave gaps in `index`.

    Args:
        frames: The frames as the source delivers them. They are read in another thread.
        name: The source's name for messages.
        timeout: The seconds that the source may stay silent.

    Raises:
        SourceFault: No frame came within `timeout` seconds. An error that `frames` raises passes
            through.
    """
    mailbox, stop = _Mailbox(), threading.Event()

    def read() -> None:
        error = None
        try:
            for frame in frames:
                mailbox.put(frame)
                if stop.is_set():
                    break
        except Exception as caught:  # it is raised again where the frames are used
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
