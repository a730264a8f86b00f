"""Writes video as H.264 in mp4, which browsers play. Every frame keeps its time."""

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
"""The time stamps per second. MPEG-4 part 2 allows at most 65535."""

X264_OPTIONS = {
    "preset": "veryfast",
    "crf": "20",
    "threads": "1",
    "x264-params": "bframes=0:rc-lookahead=2:sync-lookahead=0",
}
"""The encoder's settings. One thread, because encoding must not run beside the tracker, whose speed
is measured. No B-frames and a short look-ahead, because x264 keeps every frame that it looks at:
at 1280x720 it takes 45 MB instead of 90, and the file grows no larger."""

_BT709 = 1
_LIMITED_RANGE = 1


def video_codec() -> str:
    """Names the encoder that is installed: libx264, or else MPEG-4 part 2.

    Browsers do not play MPEG-4 part 2.
    """
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


class VideoWriter:
    """Writes frames as they come, under a temporary name. `close` renames the file into place.

    If nothing is written, no file appears. An odd width or height gains one pixel, because yuv420p
    has one colour sample for 2 x 2 pixels.

    Args:
        path: The file to write. Its suffix is one of VIDEO_SUFFIXES.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = partial_name(self.path)
        self._container: OutputContainer | None = None
        self._began, self._last = 0.0, -1

    def write(self, image: Frame, time_s: float) -> None:
        """Adds a frame.

        Args:
            image: The frame, BGR uint8 HxWx3, of the same size as the first one.
            time_s: The time from which the frame is shown, in seconds.

        Raises:
            InputError: The file cannot be written.
        """
        with cannot_write(self.path, self._part):
            if self._container is None:
                self._open(image, time_s)
            ticks = max(round((time_s - self._began) * TICKS), self._last + 1)
            self._encode(_even(image), ticks)
            self._last = ticks

    def close(self) -> None:
        """Completes the file and renames it, unless nothing was written or writing failed."""
        if self._container is None or not self._part.exists():
            return
        with cannot_write(self.path, self._part):
            self._encode(None)
            self._container.close()
            publish(self._part, self.path)

    def _open(self, image: Frame, time_s: float) -> None:
        height, width = _even(image).shape[:2]
        self._began = time_s
        self._part.touch(exist_ok=False)
        container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        stream = container.add_stream(video_codec(), rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        context.options = X264_OPTIONS if video_codec() == "libx264" else {"qscale": "3"}
        container.start_encoding()  # a file that cannot be written fails here, not at its end
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
    """Repeats the last row or column where the height or width is odd."""
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE
    )
