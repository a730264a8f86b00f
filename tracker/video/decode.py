"""Decodes the packets of a video. Every frame comes in its turn, also one that is missing."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

USUAL_RATE = 30.0
"""The frames per second of a file that states neither times nor a rate."""
REORDERED = 17
"""A frame comes out of a decoder at most so many decoded packets after its own went in. H.264 and
HEVC hold 16 frames back."""


class CutShort(Exception):
    """The file ended before the end that its header states."""


class Decoded(NamedTuple):
    """A frame in its turn."""

    seconds: float | None
    """The time at which it is shown, or None where the file states no times."""
    frame: av.VideoFrame | None
    """The frame, or None where it could not be decoded."""


def decode(
    container: InputContainer, stream: VideoStream, patience: int = REORDERED
) -> Iterator[Decoded]:
    """Yields the frames of a stream in the order in which they are shown.

    Args:
        container: What the packets are read from.
        stream: Its video.
        patience: After damage, a frame waits for those before it until so many packets more were
            decoded. A live source has none, because it would fall behind.

    Raises:
        CutShort: The frames ended early.
        av.error.FFmpegError: The file or stream cannot be read on.
    """
    turns = _Turns(stream, patience)
    packets, end = 0, 0.0
    try:
        for packet in _packets(container, stream):
            if packet.size:
                stamp = _stamp(packet)
                at = end if stamp is None else float(stamp * packet.time_base)
                end = max(end, at + float((packet.duration or 0) * packet.time_base))
                packets += 1
                turns.expect(packet)
            try:
                turns.add(packet.decode())
            except av.error.InvalidDataError:
                turns.fail(packet)
            yield from turns.due()
    except av.error.FFmpegError:
        yield from turns.due(ended=True)
        raise
    turns.give_up()
    yield from turns.due(ended=True)
    yield from turns.rest()
    if _is_cut_short(container, stream, packets, end):
        raise CutShort


class _Turns:
    """Matches frames with the packets that they came from, by their time stamps.

    A decoder that meets damage reports an error for some packets and passes over others in silence,
    and what it holds back then comes out of order. So a frame waits until those before it have come
    out, or are overdue. In a whole file no frame waits.
    """

    def __init__(self, stream: VideoStream, patience: int) -> None:
        self._stream, self._patience = stream, patience
        self._expected: dict[int, int] = {}  # how many packets were decoded before, by the stamp
        self._turns: list[tuple[int, int, av.VideoFrame | None, bool]] = []
        self._decoded = self._added = self._latest = 0
        self._whole = 0  # how many of the turns have a frame
        self._last: int | None = None
        # Some packets of VP8 hold a frame that is never shown.
        self._one_each = stream.codec_context.name != "vp8"

    def expect(self, packet: av.Packet[Any]) -> None:
        """Notes a packet whose frame must come out."""
        if self._one_each and packet.pts is not None and not packet.is_discard:
            self._expected[packet.pts] = self._decoded

    def fail(self, packet: av.Packet[Any]) -> None:
        """Notes that a packet could not be decoded."""
        stamp = _stamp(packet)
        self._expected.pop(self._latest if stamp is None else stamp, None)
        self._push(stamp, None)

    def add(self, frames: Iterable[av.VideoFrame]) -> None:
        """Takes the frames that came out of the decoder for one packet."""
        self._decoded += 1
        for frame in frames:
            expected = frame.pts is not None and self._expected.pop(frame.pts, None) is not None
            too_late = frame.pts is not None and self._last is not None and frame.pts <= self._last
            if frame.interlaced_frame or not (expected or too_late):
                # Two packets may hold the two fields of a frame, and then stamps say nothing.
                self._one_each = False
                self._expected.clear()
            self._push(frame.pts, frame)

    def due(self, *, ended: bool = False) -> Iterator[Decoded]:
        """Yields the frames whose turn it is: those up to a whole one that waits for none before.

        Of those that could not be decoded, no more than `patience` wait for a whole one.

        Args:
            ended: Whether no more frames will come.
        """
        while self._whole or len(self._turns) > self._patience:
            earlier = {s: n for s, n in self._expected.items() if s < self._turns[0][0]}
            if self._last is None:  # the file begins between two key frames
                for stamp in earlier:
                    del self._expected[stamp]
            elif not ended and any(self._decoded - n <= self._patience for n in earlier.values()):
                return
            else:
                self.give_up(earlier)
            yield from self._next()

    def rest(self) -> Iterator[Decoded]:
        """Yields the frames at the end that could not be decoded."""
        while self._turns:
            yield from self._next()

    def give_up(self, stamps: Iterable[int] | None = None) -> None:
        """Notes that the frames of these stamps, or all that are expected, will not come."""
        for stamp in list(self._expected if stamps is None else stamps):
            del self._expected[stamp]
            self._push(stamp, None)

    def _push(self, stamp: int | None, frame: av.VideoFrame | None) -> None:
        """Puts a frame among those that wait. Without a stamp it comes after the latest one."""
        self._added += 1
        self._whole += frame is not None
        key = self._latest if stamp is None else stamp
        self._latest = max(self._latest, key)
        heapq.heappush(self._turns, (key, self._added, frame, stamp is not None))

    def _next(self) -> Iterator[Decoded]:
        key, _, frame, is_timed = heapq.heappop(self._turns)
        self._whole -= frame is not None
        if self._last is not None and key < self._last:
            return  # its turn has passed
        self._last = key
        assert self._stream.time_base is not None
        yield Decoded(float(key * self._stream.time_base) if is_timed else None, frame)


def packet_times(container: InputContainer, stream: VideoStream, most: int) -> list[float]:
    """Reads at most `most` packets. Returns the seconds at which their frames are shown."""
    times = []
    with suppress(av.error.FFmpegError):
        for packet in islice(_packets(container, stream), most):
            stamp = _stamp(packet)
            if packet.size and not packet.is_discard and stamp is not None:
                times.append(float(stamp * packet.time_base))
    return times


def _stamp(packet: av.Packet[Any]) -> int | None:
    return packet.pts if packet.pts is not None else packet.dts


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[Any]]:
    """Yields the packets, then an empty one, on which a decoder releases its last frames.

    The clock of a stream goes back where a sender was started again, or two recordings are joined.
    It goes on from the last packet here, so that no frame is taken for one that is long past.
    """
    shift, last = 0, None
    try:
        for packet in container.demux(stream):
            if packet.dts is not None:
                if last is not None and packet.dts + shift < last:
                    shift = last + (packet.duration or 1) - packet.dts
                packet.dts += shift
                last = packet.dts
            if packet.pts is not None:
                packet.pts += shift
            yield packet
    except av.error.FFmpegError:
        flush: av.Packet[Any] = av.Packet()
        flush.stream = stream
        yield flush
        raise


def _is_cut_short(container: InputContainer, stream: VideoStream, packets: int, end: float) -> bool:
    """Says whether the header promised more frames, by every measure that it gives.

    With an edit list, a complete file holds fewer packets than its header counts; and sound may
    outlast the pictures. So both measures must agree where the header gives both. The duration of
    an AVI is FFmpeg's own guess and does not count, but its frames are numbered.
    """
    is_avi = container.format.name == "avi"
    signs = []
    if stream.frames:
        reached = round(end / float(stream.time_base)) if is_avi and stream.time_base else 0
        signs.append(max(packets, reached) < stream.frames)
    duration = None
    if stream.duration and stream.time_base:
        duration = float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    elif container.duration and len(container.streams) == 1:
        duration = (container.duration + (container.start_time or 0)) / av.time_base
    if duration is not None and not is_avi:
        signs.append(end < duration - 1.5 / float(stream.average_rate or USUAL_RATE))
    return bool(signs) and all(signs)
