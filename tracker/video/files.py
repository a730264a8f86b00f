"""Video files and network streams, decoded by PyAV.

PyAV is used rather than OpenCV because it gives the true time of every frame and the rotation that
a phone wrote, it says which packet could not be decoded, and it gives up on a stream that stops
answering.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import av.error
import cv2
from av.container import InputContainer
from av.video.stream import VideoStream

from rbsf.errors import InputError
from rbsf.geometry import Frame

from .live import newest
from .source import Source, SourceFault, VideoFrame

LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "srt", "udp")
USUAL_RATE = 30.0
"""The frames per second of a file that states neither times nor a rate."""

_ROTATIONS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}


def open_video(name: str, start: int, timeout: float) -> Source:
    """Opens a video file, a network stream, or ("-") a video on standard input.

    Args:
        name: The path or the address.
        start: The number of the first frame that is wanted.
        timeout: The seconds that a stream may stay silent.

    Raises:
        InputError: There is no such file, or it cannot be opened or holds no video.
    """
    scheme = urlsplit(name).scheme if "://" in name else ""
    address, name = name, re.sub(r"//[^/@]*@", "//", name)  # a password must not appear in messages
    if not scheme and name != "-" and not Path(name).is_file():
        raise InputError(f"no such video, folder or camera: {name}")
    try:
        container = av.open(
            "pipe:0" if name == "-" else address,
            timeout=timeout if scheme else None,
            options={"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {},
        )
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"cannot open {name}: {_reason(error)}") from None
    if not container.streams.video:
        container.close()
        raise InputError(f"{name} holds no video")
    frames = _read_video(container, name, start, scheme in LIVE_SCHEMES)
    if scheme in LIVE_SCHEMES:
        return Source(name, newest(frames, name, timeout))
    return Source(name, frames, _frame_count(container))


def _reason(error: Exception) -> str:
    """Puts FFmpeg's reason into words that a user knows."""
    if isinstance(error, av.error.InvalidDataError):
        return "it is not a readable video (it is damaged, cut short, or another kind of file)"
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return "it stopped answering"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


def _frame_count(container: InputContainer) -> int | None:
    """Returns the count that the file states, or else what its duration and rate suggest."""
    stream = container.streams.video[0]
    if stream.frames:
        return stream.frames
    if container.duration and stream.average_rate:
        return max(1, round(container.duration / av.time_base * stream.average_rate))
    return None


def _read_video(
    container: InputContainer, name: str, start: int, live: bool
) -> Iterator[VideoFrame]:
    """Reads frames from `start` to the end, and closes the container."""
    index, began = 0, None
    try:
        for seconds, frame in _decode(container):
            if live and began is None and frame is None:
                continue  # the stream was joined between two key frames
            if seconds is None:
                seconds = index / float(container.streams.video[0].average_rate or USUAL_RATE)
            began = seconds if began is None else began
            if index >= start:
                yield _upright(index, seconds - began, frame, name)
            index += 1
    except av.error.FFmpegError as error:
        raise SourceFault(f"{name} stopped at frame {index}: {_reason(error)}") from None
    except _CutShort:
        total = container.streams.video[0].frames
        of = f" of {total}" if total else ""
        message = f"{name} breaks off before frame {index}{of}: the file is cut short or damaged"
        raise SourceFault(message) from None
    finally:
        container.close()
    if 0 < index <= start:
        raise InputError(f"{name} has {index} frames: start frame {start} is past the last one")


def _upright(index: int, time_s: float, frame: av.VideoFrame | None, name: str) -> VideoFrame:
    """Converts a decoded frame to BGR and turns it as its rotation metadata says."""
    if frame is None:
        return VideoFrame(index, time_s, None, f"frame {index} of {name} cannot be decoded")
    image: Frame = frame.to_ndarray(format="bgr24")  # type: ignore[assignment]
    turn = _ROTATIONS.get(round(frame.rotation) % 360)
    if turn is not None:
        image = cv2.rotate(image, turn)  # type: ignore[assignment]
    fault = f"frame {index} of {name} is damaged" if frame.is_corrupt else None
    return VideoFrame(index, time_s, image, fault)


class _CutShort(Exception):
    """The file ended before the end that its header states."""


def _decode(
    container: InputContainer,
) -> Iterator[tuple[float | None, av.VideoFrame | None]]:
    """Yields (seconds, frame) in the order of display. A packet that fails to decode gives None.

    Frames leave a decoder later than packets enter it, so a failed packet waits for its turn.
    """
    stream = container.streams.video[0]
    failed: list[float] = []
    packets, end = 0, 0.0
    for packet in _packets(container, stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        at = end if stamp is None else float(stamp * packet.time_base)
        if packet.size:
            packets += 1
            end = max(end, at + float((packet.duration or 0) * packet.time_base))
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            failed.append(at)
            continue
        for frame in frames:
            shown = frame.time if frame.pts is not None else None
            for late in sorted(t for t in failed if shown is None or t < shown):
                failed.remove(late)
                yield late, None
            yield shown, frame
    for late in sorted(failed):
        yield late, None
    if _is_cut_short(container, packets, end):
        raise _CutShort


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[Any]]:
    """Yields the file's packets, then an empty one, on which a decoder releases its last frames."""
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError:
        flush: av.Packet[Any] = av.Packet()
        flush.stream = stream
        yield flush
        raise


def _is_cut_short(container: InputContainer, packets: int, end: float) -> bool:
    """Says whether the header promised more frames, by every measure that it gives.

    With an edit list, a complete file holds fewer packets than its header counts; and sound may
    outlast the pictures. So both measures must agree where the header gives both. The duration of
    an AVI is FFmpeg's own guess and does not count.
    """
    stream = container.streams.video[0]
    signs = []
    if stream.frames:
        signs.append(packets < stream.frames)
    duration = None
    if stream.duration and stream.time_base and container.format.name != "avi":
        duration = float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        duration = (container.duration + (container.start_time or 0)) / av.time_base
    if duration is not None and container.format.name != "avi":
        signs.append(end < duration - 1.5 / float(stream.average_rate or USUAL_RATE))
    return bool(signs) and all(signs)
