"""Servers on loopback that send a given script: HTTP, MPEG-TS over TCP and UDP, and RTSP."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache

import av
import cv2
import numpy as np
from clip_files import HEIGHT, WIDTH, flat

Size = tuple[int, int]
SIZE = (WIDTH, HEIGHT)
RATE = 25


class Wait:
    """In a script of what is sent: nothing is sent any more, but the connection stays open."""


Script = Iterable[bytes | type[Wait]]
"""What a sender sends, piece by piece."""


def picture(index: int, size: Size = SIZE) -> np.ndarray:
    """Frame `index` of every stream here."""
    return cv2.resize(flat(index % 24), size)


# ---------------------------------------- what the frames look like on a line


@cache
def http_frames(count: int, size: Size = SIZE) -> list[bytes]:
    """The parts of a multipart stream of JPEG pictures."""
    return [part(jpeg(index, size)) for index in range(count)]


def part(data: bytes, length: int | None = None) -> bytes:
    """A part of a multipart stream, with the length that it states."""
    length = len(data) if length is None else length
    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def jpeg(index: int, size: Size = SIZE) -> bytes:
    return cv2.imencode(".jpg", picture(index, size))[1].tobytes()


@cache
def ts_frames(count: int, size: Size = SIZE) -> list[bytes]:
    """The packets of an MPEG transport stream, in as many pieces as there are frames."""
    return list(_coded(count, size, "mpegts"))


@cache
def rtsp_frames(count: int, size: Size = SIZE) -> list[bytes]:
    """RTP packets of H.264 (RFC 6184), interleaved in an RTSP connection (RFC 2326, 10.12)."""
    frames, sequence = [], 0
    for index, data in enumerate(_coded(count, size, "h264")):
        packets = b""
        payloads = [piece for nal in _nals(data) for piece in _pieces(nal)]
        for number, payload in enumerate(payloads):
            last = number == len(payloads) - 1
            head = bytes([0x80, 96 | last << 7]) + sequence.to_bytes(2, "big")
            head += (index * 90_000 // RATE).to_bytes(4, "big") + b"rbsf"
            packets += b"$\0" + (len(head) + len(payload)).to_bytes(2, "big") + head + payload
            sequence += 1
        frames.append(packets)
    return frames


def _coded(count: int, size: Size, form: str) -> Iterator[bytes]:
    """What a muxer writes for each frame. No frame waits for another."""
    buffer, at = io.BytesIO(), 0
    with av.open(buffer, "w", format=form, options={"flush_packets": "1"}) as container:
        options = {"tune": "zerolatency", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = 10
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index, size), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
            yield buffer.getvalue()[at:]
            at = buffer.tell()


def _nals(data: bytes) -> list[bytes]:
    """The units of an H.264 stream, which stand behind start codes."""
    return [nal.strip(b"\0") for nal in data.replace(b"\0\0\1", b"\0\0\0\1").split(b"\0\0\0\1")[1:]]


def _pieces(nal: bytes, most: int = 1200) -> Iterator[bytes]:
    """A unit whole, or in fragments (FU-A)."""
    if len(nal) <= most:
        yield nal
        return
    for start in range(1, len(nal), most):
        first, last = start == 1, start + most >= len(nal)
        kind = bytes([nal[0] & 0xE0 | 28, nal[0] & 0x1F | first << 7 | last << 6])
        yield kind + nal[start : start + most]


# ---------------------------------------- who sends them


class Sender:
    """Sends a script to everyone who connects. It counts the pieces that it has sent.

    Args:
        greet: What is done with a connection before the script begins.
        script: What is sent.
        pace: The seconds between two pieces.
    """

    def __init__(
        self, greet: Callable[[socket.socket], None], script: Callable[[], Script], pace: float
    ) -> None:
        self.sent = 0
        self._greet, self._script, self._pace = greet, script, pace
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._greet(connection)
            self._send(connection.sendall)

    def _send(self, send: Callable[[bytes], object]) -> None:
        for piece in self._script():
            if isinstance(piece, bytes):
                send(piece)
                self.sent += 1
                self._ended.wait(self._pace)
            else:
                self._ended.wait()
            if self._ended.is_set():
                return

    def close(self) -> None:
        self._ended.set()
        self._listener.close()


class UdpSender(Sender):
    """Sends a script to a port, whether or not anyone listens, in datagrams of up to 1316 bytes."""

    def __init__(self, script: Callable[[], Script], pace: float) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        super().__init__(lambda _: None, script, pace)
        self.place = f"127.0.0.1:{self._port}"

    def _listen(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:

            def send(piece: bytes) -> None:
                for start in range(0, len(piece), 1316):
                    with suppress(ConnectionRefusedError):
                        line.sendto(piece[start : start + 1316], ("127.0.0.1", self._port))

            self._send(send)


def http_head(kind: str = "multipart/x-mixed-replace; boundary=picture", more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}\r\n".encode()


def http_sender(
    script: Callable[[], Script], pace: float = 0.01, head: bytes = http_head()
) -> Sender:
    """An HTTP server that answers everything with `head` and the script."""

    def greet(connection: socket.socket) -> None:
        _request(connection)
        connection.sendall(head)

    return Sender(greet, script, pace)


def tcp_sender(script: Callable[[], Script], pace: float = 0.01) -> Sender:
    return Sender(lambda _: None, script, pace)


def rtsp_sender(script: Callable[[], Script], pace: float = 0.01, status: str = "200 OK") -> Sender:
    """An RTSP server of one H.264 video, over TCP."""

    def greet(connection: socket.socket) -> None:
        while True:
            method, _, rest = _request(connection).partition(" ")
            number = rest.lower().partition("cseq:")[2].split("\r\n")[0].strip()
            more, body = ANSWERS.get(method, ("", ""))
            connection.sendall(
                f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{more}"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            if method == "PLAY":
                return

    return Sender(greet, script, pace)


SESSION = "Session: 1\r\n"
ANSWERS = {
    "OPTIONS": ("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""),
    "DESCRIBE": (
        "Content-Type: application/sdp\r\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:video\r\n",
    ),
    "SETUP": (f"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n{SESSION}", ""),
    "PLAY": (SESSION, ""),
}


def _request(connection: socket.socket) -> str:
    """Reads a request up to the empty line that ends it.

    Raises:
        OSError: The connection ended.
    """
    request = b""
    while b"\r\n\r\n" not in request:
        received = connection.recv(4096)
        if not received:
            raise ConnectionResetError
        request += received
    return request.decode(errors="replace")
