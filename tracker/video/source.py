"""What every source of frames gives: numbered, timed frames of one size, and clear faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rbsf.errors import InputError
from rbsf.geometry import Frame


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame of a source.

    index: its number in the source, from 0 (a live source counts the frames it skipped too).
    time_s: seconds since the source's frame 0.
    image: BGR uint8 HxWx3, upright; None where it could not be decoded.
    fault: what was wrong with this frame, in words; None where nothing was.
    """

    index: int
    time_s: float
    image: Frame | None
    fault: str | None = None


class SourceFault(InputError):
    """A source that stopped before its end; the message names the frame."""


class Source:
    """An opened source: its first frame is at hand, its frames are read once.

    Raises:
        InputError: no frame at all, or the first one cannot be decoded.
    """

    def __init__(self, name: str, frames: Iterator[VideoFrame], count: int | None = None) -> None:
        self.name = name
        self.count = count
        """Frames in the whole source, None where nobody knows."""
        self._frames = frames
        self.first, self.first_image = self._first()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame, pixels."""
        height, width = self.first_image.shape[:2]
        return width, height

    def _first(self) -> tuple[VideoFrame, Frame]:
        bad: VideoFrame | None = None
        for frame in self._frames:
            if frame.image is None:
                bad = bad or frame
            elif bad is None:
                return frame, frame.image
            else:
                raise InputError(f"{bad.fault}; the first that can is --start-frame {frame.index}")
        raise InputError(bad.fault if bad and bad.fault else f"{self.name} holds no frames")

    def __iter__(self) -> Iterator[VideoFrame]:
        """Every frame, the first included.

        Raises:
            SourceFault: the source broke off, fell silent, or changed the size of its frames.
        """
        yield self.first
        for frame in self._frames:
            if frame.image is not None and frame.image.shape != self.first_image.shape:
                height, width = frame.image.shape[:2]
                was = "{}x{}".format(*self.size)
                raise SourceFault(
                    f"{self.name}: frame {frame.index} is {width}x{height}, those before are {was}"
                )
            yield frame

    def close(self) -> None:
        """Releases the file, camera or connection."""
        close = getattr(self._frames, "close", None)
        if close is not None:
            close()
