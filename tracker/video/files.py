"""Video files and network streams, read by PyAV.

PyAV is used rather than OpenCV because it gives the true time of every frame and the rotation that
a phone wrote, it says which packet could not be decoded, and it gives up on a stream that stops
answering.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import av
import av.error
import cv2
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from rbsf.errors import InputError
from rbsf.geometry import Frame

from .address import LIVE_SCHEMES, STANDARD_INPUT, file_of, scheme_of, shown
from .decode import REORDERED, CutShort, decode, packet_times
from .live import newest
from .pace import Pace
from .source import Source, SourceFault, VideoFrame, silence

TIMELESS = ("mpjpeg", "mjpeg")
"""The formats that cameras send without times. FFmpeg makes times up for them, of 25 frames a
second, so the time at which a frame arrives is taken."""
LOOK_AHEAD = 3000
"""The number of packets by which a constant rate is told from a variable one."""

_SILENCE = (av.error.ExitError, av.error.TimeoutError)
_ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}


def open_video(name: str, start: int, timeout: float, live: bool | None = None) -> Source:
    """Opens a video file, a network stream, or ("-") a video on standard input.

    Args:
        name: The path or the address.
        start: The number of the first frame that is wanted.
        timeout: The seconds that a stream may stay silent.
        live: Whether frames that come faster than they are used are skipped. None skips them where
            the source is a live one.

    Raises:
        InputError: There is no such file, or it cannot be opened or holds no video.
    """
    scheme = scheme_of(name)
    place = _place(name, scheme)
    name = shown(name)
    try:
        container = av.open(
            place,
            timeout=timeout if scheme else None,
            options={"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {},
            metadata_errors="replace",  # many files have titles that are not in UTF-8
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"cannot open {name}: {_reason(error)}") from None
    stream = _pictures(container)
    if stream is None:
        container.close()
        raise InputError(f"{name} holds no video")
    if stream.codec_context is None:
        container.close()
        raise InputError(f"{name} holds a video in a codec that is not known here, or is damaged")
    if live is None:
        live = scheme in LIVE_SCHEMES or (bool(scheme) and _has_no_end(container))
    pace = Pace(stream, None if live else lambda: _times(place))
    frames = _read_video(container, stream, pace, name, start, timeout, live)
    if live:
        return Source(name, newest(frames, name, timeout), live=True)
    return Source(name, frames, _frame_count(container, stream))


def _place(name: str, scheme: str) -> str:
    """Returns what FFmpeg opens: an address, standard input, or the path of a file."""
    if scheme:
        return name
    if name == STANDARD_INPUT:
        return "pipe:0"
    file = file_of(name)
    if not file.is_file():
        raise InputError(f"no such video, folder or camera: {shown(name)}")
    return f"file:{file}"  # a colon in a file's name begins no scheme


def _pictures(container: InputContainer) -> VideoStream | None:
    """Returns the first video of a container. The cover of a song is a picture, but no video."""
    videos = container.streams.video
    return next((v for v in videos if not v.disposition & Disposition.attached_pic), None)


def _has_no_end(container: InputContainer) -> bool:
    """Whether what a server sends has neither a length nor a duration, as a camera's video."""
    return container.size <= 0 and not container.duration


def _reason(error: Exception) -> str:
    """Puts FFmpeg's reason into words that a user knows."""
    if isinstance(error, av.error.InvalidDataError):
        return "it is not a readable video (it is damaged, cut short, or another kind of file)"
    if isinstance(error, _SILENCE):
        return "it stopped answering"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


def _frame_count(container: InputContainer, stream: VideoStream) -> int | None:
    """Returns the count that the file states, or else what its duration and rate suggest."""
    if stream.frames:
        return stream.frames
    if container.duration and stream.average_rate:
        return max(1, round(container.duration / av.time_base * stream.average_rate))
    return None


def _times(place: str) -> list[float]:
    """Reads the times of a file's frames: from an index of all of them, or the first LOOK_AHEAD.

    What can be read but once has none: a pause in it could not be told from a hole.
    """
    if not place.startswith("file:"):
        return []
    with av.open(place, metadata_errors="replace") as container:
        stream = _pictures(container)
        if stream is None or stream.time_base is None:
            return []
        entries = getattr(stream, "index_entries", ())  # versions of av before 17 have none
        if stream.frames and len(entries) == stream.frames:
            return [float(entry.timestamp * stream.time_base) for entry in entries]
        return packet_times(container, stream, LOOK_AHEAD)


def _read_video(
    container: InputContainer,
    stream: VideoStream,
    pace: Pace,
    name: str,
    start: int,
    timeout: float,
    live: bool,
) -> Generator[VideoFrame]:
    """Reads frames from `start` to the end, and closes the container."""
    index, began = 0, None
    try:
        for decoded in decode(container, stream, 0 if live else REORDERED):
            if live and began is None and decoded.frame is None:
                continue  # the stream was joined between two key frames
            *gone, seconds = pace.times(decoded)
            for each in gone:
                if index >= start and not live:
                    yield _lost(index, each - (began or 0.0), f"is missing from {name}")
                index += 1
            if live and container.format.name in TIMELESS:
                seconds = time.monotonic()
            began = seconds if began is None else began
            if index >= start:
                yield _upright(index, seconds - began, decoded.frame, name)
            index += 1
    except _SILENCE:
        raise silence(name, index, timeout) from None
    except av.error.InvalidDataError:
        raise SourceFault(f"{name} stopped at frame {index}: what follows is no video") from None
    except av.error.FFmpegError as error:
        raise SourceFault(f"{name} stopped at frame {index}: {_reason(error)}") from None
    except CutShort:
        of = f" of {stream.frames}" if stream.frames else ""
        message = f"{name} breaks off before frame {index}{of}: the file is cut short or damaged"
        raise SourceFault(message) from None
    finally:
        container.close()
    if 0 < index <= start:
        raise InputError(f"{name} has {index} frames: start frame {start} is past the last one")


def _upright(index: int, time_s: float, frame: av.VideoFrame | None, name: str) -> VideoFrame:
    """Converts a decoded frame to BGR and turns it as its rotation metadata says."""
    if frame is None:
        return _lost(index, time_s, f"of {name} cannot be decoded")
    try:
        image: Frame = frame.to_ndarray(format="bgr24")  # type: ignore[assignment]
    except (ValueError, MemoryError) as error:
        return _lost(index, time_s, f"of {name} cannot be decoded: {error}")
    turn = _ROTATIONS.get(round(frame.rotation) % 360)
    if turn is not None:
        image = cv2.rotate(image, turn)  # type: ignore[assignment]
    fault = f"frame {index} of {name} is damaged" if frame.is_corrupt else None
    return VideoFrame(index, time_s, image, fault)


def _lost(index: int, time_s: float, why: str) -> VideoFrame:
    return VideoFrame(index, time_s, None, f"frame {index} {why}")
