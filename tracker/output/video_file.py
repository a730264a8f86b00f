"""Annotated video out: H.264 in mp4, which browsers play, keeping the time of every frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.container import OutputContainer
from av.video.stream import VideoStream

from rbsf.files.atomic import cannot_write, partial_name, publish
from rbsf.geometry import Frame

VIDEO_SUFFIXES = (".mp4",)
TICKS = 60_000
"""Time stamps a second; MPEG-4 part 2 has no more than 65535."""

_BT709 = 1
_LIMITED_RANGE = 1


def video_codec() -> str:
    """The encoder at hand: libx264, or MPEG-4 part 2, which browsers do not play."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


class VideoWriter:
    """Writes frames as they come, under a temporary name; `close` renames the file into place.

    Nothing appears where nothing was written. An odd width or height gains one pixel, since
    yuv420p has one colour sample for 2 x 2 pixels.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = partial_name(self.path)
        self._container: OutputContainer | None = None
        self._began, self._last = 0.0, -1

    def write(self, image: Frame, time_s: float) -> None:
        """Adds a frame, BGR uint8 HxWx3, of the first one's size, shown from `time_s` on.

        Raises:
            InputError: the file cannot be written.
        """
        with cannot_write(self.path, self._part):
            if self._container is None:
                self._open(image, time_s)
            ticks = max(round((time_s - self._began) * TICKS), self._last + 1)
            self._encode(_even(image), ticks)
            self._last = ticks

    def close(self) -> None:
        """Completes the file and puts it in place, unless nothing was written or writing failed."""
        if self._container is None or not self._part.exists():
            return
        with cannot_write(self.path, self._part):
            self._encode(None)
            self._container.close()
            publish(self._part, self.path)

    def _open(self, image: Frame, time_s: float) -> None:
        height, width = _even(image).shape[:2]
        self._began = time_s
        container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        stream = container.add_stream(video_codec(), rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        # One thread: encoding must not run beside the tracker, whose speed is measured.
        context.options = (
            {
                "preset": "veryfast",
                "crf": "20",
                "threads": "1",
                "x264-params": "sync-lookahead=0",
            }
            if video_codec() == "libx264"
            else {"qscale": "3"}
        )
        container.start_encoding()  # a file that cannot be written is told at once
        self._container, self._stream = container, stream

    def _encode(self, image: Frame | None, ticks: int = 0) -> None:
        frame = None
        if image is not None:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
        assert self._container is not None
        self._container.mux(self._stream.encode(frame))


def _even(image: Frame) -> Frame:
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
    )
