"""Small video files with known content, whole and damaged."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, RATE = 96, 64, 25


def level(index: int) -> int:
    """The grey value of frame `index`."""
    return 40 + 6 * index


def flat(index: int) -> np.ndarray:
    """Frame `index`: grey, with fixed texture, so that a coded frame has some bytes to damage."""
    noise = np.random.default_rng(0).integers(-30, 31, (HEIGHT, WIDTH, 1))
    return np.clip(level(index) + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)


def write_clip(
    path: Path,
    images: Sequence[np.ndarray],
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[float] | None = None,
    gop: int = 12,
    title: str = "",
) -> Path:
    """Encodes BGR images, by default 25 a second, with the index in front (faststart)."""
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = pix_fmt, 8_000_000
        stream.codec_context.gop_size = gop
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = index if times is None else round(times[index] * 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def blank_packet(path: Path, number: int) -> None:
    """Overwrites one coded frame with zeros."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        position, size = packets[number].pos, packets[number].size
    data = bytearray(path.read_bytes())
    data[position : position + size] = bytes(size)
    path.write_bytes(data)


def turn_clockwise(path: Path, degrees: int) -> None:
    """Writes the display matrix of ISO 14496-12 that turns an mp4's picture when shown."""
    matrix = {
        90: (0, 1 << 16, 0, -(1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30),
        180: (-(1 << 16), 0, 0, 0, -(1 << 16), 0, WIDTH << 16, HEIGHT << 16, 1 << 30),
        270: (0, -(1 << 16), 0, 1 << 16, 0, 0, 0, WIDTH << 16, 1 << 30),
    }[degrees]
    data = bytearray(path.read_bytes())
    start = data.find(b"tkhd") + 4 + 40
    data[start : start + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
