"""Reads a live source in the background. The newest frame wins, and silence is noticed."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from .source import VideoFrame, silence

PATIENCE_S = 1.0
"""The seconds that a closed source is given to return from its last read."""


class _Mailbox:
    """Holds the newest frame of a running reader, and the reader's error if it failed.

    Args:
        whole: Whether a frame waits until the last one was taken, instead of replacing it.
    """

    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._changed = threading.Condition()
        self._frame: VideoFrame | None = None
        self._ended = False
        self._error: Exception | None = None

    def put(self, frame: VideoFrame) -> bool:
        """Leaves a frame. Returns whether more are wanted."""
        with self._changed:
            if self._whole:
                self._changed.wait_for(lambda: self._frame is None or self._ended)
            self._frame = frame
            self._changed.notify_all()
            return not self._ended

    def end(self, error: Exception | None = None) -> None:
        """Ends the exchange, from either side."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

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
            self._changed.notify_all()
            if frame is None and self._error is not None:
                raise self._error
            return frame


def newest(
    frames: Generator[VideoFrame], name: str, timeout: float, *, whole: bool = False
) -> Iterator[VideoFrame]:
    """Yields the frames of a live source, and skips those that came while the last was in use.

    Otherwise a tracker slower than its camera would fall further behind with every frame. Skipped
    frames leave gaps in `index`.

    Args:
        frames: The frames as the source delivers them. They are read, and closed, in another
            thread.
        name: The source's name for messages.
        timeout: The seconds that the source may stay silent.
        whole: Whether no frame is skipped: the source has to wait, and only silence is noticed.

    Raises:
        SourceFault: No frame came within `timeout` seconds. An error that `frames` raises passes
            through.
    """
    mailbox = _Mailbox(whole)

    def read() -> None:
        error = None
        try:
            for frame in frames:
                if not mailbox.put(frame):
                    break
            frames.close()
        except Exception as caught:  # it is raised again where the frames are used
            error = caught
        mailbox.end(error)

    reader = threading.Thread(target=read, name=f"frames of {name}", daemon=True)
    reader.start()
    last = -1
    try:
        while (frame := mailbox.take(timeout)) is not None:
            last = frame.index
            yield frame
    except TimeoutError:
        raise silence(name, last + 1, timeout) from None
    finally:
        mailbox.end()
        reader.join(PATIENCE_S)
