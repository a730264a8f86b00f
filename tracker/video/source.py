"""What every source yields: numbered, timed frames of one size, and faults in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rbsf.errors import InputError
from rbsf.geometry import Frame


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame of a source.

    Attributes:
        index: The frame's number in the source, from 0. A live source also counts skipped frames.
        time_s: The seconds since the source's frame 0.
        image: The picture, BGR uint8 HxWx3, upright. It is None if it is missing from the source or
            could not be decoded.
        fault: What is wrong with this frame, in words. It is None if nothing is.
    """

    index: int
    time_s: float
    image: Frame | None
    fault: str | None = None


class SourceFault(InputError):
    """A source stopped before its end. The message names the frame."""


def silence(name: str, index: int, timeout: float) -> SourceFault:
    """The fault of a source that has sent nothing for `timeout` seconds before frame `index`."""
    return SourceFault(f"{name} stopped answering at frame {index}: no frame for {timeout:g} s")


class Source:
    """An opened source. Its first frame is read at once, and its frames can be read once.

    Args:
        name: The source's name for messages.
        frames: The frames in order.
        count: The number of frames in the whole source, if it is known.
        live: Whether frames that come while another is in use are skipped.

    Raises:
        InputError: There is no frame, or the first one cannot be decoded.
    """

    def __init__(
        self,
        name: str,
        frames: Iterator[VideoFrame],
        count: int | None = None,
        *,
        live: bool = False,
    ) -> None:
        self.name = name
        self.count = count
        """The number of frames in the whole source, or None if it is not known."""
        self.live = live
        """Whether frames are skipped when they come faster than they are used."""
        self._frames = frames
        self.first, self.first_image = self._first()

    @property
    def size(self) -> tuple[int, int]:
        """The (width, height) of every frame in pixels."""
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
                raise InputError(
                    f"{bad.fault}; the first frame that can be is {frame.index}: start there"
                )
        raise InputError(bad.fault if bad and bad.fault else f"{self.name} holds no frames")

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yields every frame, including the first.

        Raises:
            SourceFault: The source broke off, fell silent, or changed the size of its frames.
        """
        yield self.first
        for frame in self._frames:
            if frame.image is not None and frame.image.shape != self.first_image.shape:
                height, width = frame.image.shape[:2]
                was = "{}x{}".format(*self.size)
                raise SourceFault(
                    f"{self.name}: frame {frame.index} is {width}x{height}, "
                    f"but the frames before it are {was}"
                )
            yield frame

    def close(self) -> None:
        """Releases the file, camera or connection."""
        close = getattr(self._frames, "close", None)
        if close is not None:
            close()
