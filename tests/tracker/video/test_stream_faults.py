"""Whatever a stream does, a run ends as it is promised: with what came, whole, and with one line.

The senders are on loopback. Each fault is tried at a random frame.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from clip_files import write_clip
from stream_servers import (
    Script,
    Sender,
    UdpSender,
    Wait,
    http_frames,
    http_head,
    http_sender,
    jpeg,
    part,
    picture,
    rtsp_frames,
    rtsp_sender,
    tcp_sender,
    ts_frames,
)

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame
from tracker.loop.target import Track
from tracker.output.box_file import BoxWriter
from tracker.output.box_lines import BoxLines
from tracker.output.sinks import BoxSink, Keep, Tracked, VideoSink
from tracker.output.video_file import VideoWriter
from tracker.session import Summary, run
from tracker.video.open import open_source

TIMEOUT = 1.0
"""The seconds of silence after which a source is given up, in these tests."""
HANGS = 40.0
"""The seconds after which a run counts as hanging. All of them end in a few seconds."""
LATE = 2
"""The frames by which a stream may be late. What is sent over UDP is not measured, because its
frames are counted from where it is joined."""
WIDE = (128, 64)
"""Another size of frames."""

Make = Callable[[Callable[[], Script], float], Sender]


@dataclass(frozen=True)
class Line:
    """A way to send frames."""

    scheme: str
    frames: Callable[..., Sequence[bytes]]
    make: Make
    path: str = ""


LINES = [
    Line("http", http_frames, http_sender, "/video"),
    Line("tcp", ts_frames, tcp_sender),
    Line("udp", ts_frames, UdpSender),
    Line("rtsp", rtsp_frames, rtsp_sender, "/live"),
]


# ------------------------------ faults: what is sent instead of frames 0, 1, 2 ...


def stalls(frames: Sequence[bytes], at: int, _: random.Random, __: Line) -> Script:
    return [*frames[:at], Wait]


def closes_in_mid_frame(frames: Sequence[bytes], at: int, _: random.Random, __: Line) -> Script:
    return [*frames[:at], frames[at][: len(frames[at]) // 2]]


def sends_garbage(frames: Sequence[bytes], at: int, draw: random.Random, _: Line) -> Script:
    return [*frames[:at], draw.randbytes(20_000), *frames[at:], Wait]


def ends_in_garbage(_: Sequence[bytes], at: int, draw: random.Random, line: Line) -> Script:
    yield from line.frames(60)[:at]
    while True:
        yield draw.randbytes(2000)


def sends_only_garbage(_: Sequence[bytes], __: int, draw: random.Random, ___: Line) -> Script:
    while True:
        yield draw.randbytes(2000)


def sends_garbage_for_pictures(
    frames: Sequence[bytes], at: int, draw: random.Random, _: Line
) -> Script:
    """What carries the frames is whole, and what it carries is not."""
    hurt = [frame[:-500] + draw.randbytes(490) + frame[-10:] for frame in frames[:at]]
    return [*frames[:at], *hurt, *frames, Wait]


def loses_bytes(frames: Sequence[bytes], _: int, draw: random.Random, __: Line) -> Script:
    for frame in frames:
        start = draw.randrange(len(frame))
        yield frame if draw.random() < 0.8 else frame[:start] + frame[start + 400 :]
    yield Wait


def loses_frames(frames: Sequence[bytes], at: int, draw: random.Random, _: Line) -> Script:
    return [*(frame for n, frame in enumerate(frames) if n < at or draw.random() < 0.5), Wait]


def starts_again(frames: Sequence[bytes], at: int, _: random.Random, __: Line) -> Script:
    return [*frames[:at], *frames, Wait]


def changes_size(frames: Sequence[bytes], at: int, _: random.Random, line: Line) -> Script:
    return [*frames[:at], *line.frames(60, WIDE), Wait]


def says_nothing(_: Sequence[bytes], __: int, ___: random.Random, ____: Line) -> Script:
    return [Wait]


FAULTS = [
    stalls,
    closes_in_mid_frame,
    sends_garbage,
    sends_garbage_for_pictures,
    ends_in_garbage,
    sends_only_garbage,
    loses_bytes,
    loses_frames,
    starts_again,
    changes_size,
    says_nothing,
]
UNREADABLE = {sends_only_garbage, says_nothing}
"""The faults after which nothing can be opened."""


def heads(draw: random.Random) -> Iterator[tuple[str, bytes, Script]]:
    """Answers of an HTTP server that are wrong in themselves: a name, the head, what follows."""
    frames = http_frames(60)
    yield "not found", b"HTTP/1.1 404 Not Found\r\n\r\n", []
    yield "broken", b"HTTP/1.1 500 Broken\r\nContent-Length: 9\r\n\r\n", [b"sorry"]
    yield "sends in a circle", b"HTTP/1.1 302 Found\r\nLocation: /video\r\n\r\n", []
    yield "a page", http_head("text/html"), [b"<html>the camera is off</html>"]
    yield "no answer but bytes", b"", [draw.randbytes(200) for _ in range(20)]
    yield "an endless head", http_head()[:-2], [b"X-More: x\r\n"] * 10_000
    yield "a length of all that is too small", http_head(more="Content-Length: 30000\r\n"), frames
    yield "a length of all that is too large", http_head(more="Content-Length: 1000000\r\n"), frames
    for name, off in (("small", -300), ("large", 300), ("huge", 1 << 40), ("negative", -(1 << 20))):
        parts = [part(jpeg(n), len(jpeg(n)) + off * (n > 40)) for n in range(60)]
        yield f"lengths of parts that are too {name}", http_head(), parts
    bomb = bytearray(jpeg(0))
    size = bomb.index(b"\xff\xc0") + 5
    bomb[size : size + 4] = b"\xfe\xff\xfe\xff"  # 65279x65279
    yield (
        "a picture of four thousand million pixels",
        http_head(),
        [*frames[:40], part(bytes(bomb))],
    )


def files(folder: Path) -> Iterator[tuple[str, bytes, Script]]:
    """Video files from a server that states another length than they have."""
    data = write_clip(folder / "clip.mp4", [picture(n) for n in range(60)]).read_bytes()
    for name, length, sent in (
        ("breaks off", len(data), data[: len(data) // 2]),
        ("states too small a length", len(data) // 2, data),
        ("states too large a length", 2 * len(data), data),
    ):
        yield f"a file that {name}", http_head("video/mp4", f"Content-Length: {length}\r\n"), [sent]


# ------------------------------ what is promised


class Standing:
    """Says that the target stays."""

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        self.boxes = [Box(*box) for box in boxes]

    def update(self, frame: Frame) -> list[Track]:
        return [Track(box, 0.5, False) for box in self.boxes]


class Lag(Keep):
    """Notes how many frames a sender has sent after each one, and is as slow as the sender."""

    def __init__(self, sender: Sender) -> None:
        super().__init__()
        self.sender = sender
        self.lags: list[int] = []

    def write(self, tracked: Tracked) -> None:
        self.lags.append(self.sender.sent - 1 - tracked.frame.index)
        time.sleep(0.01)


@dataclass
class Attempt:
    """A run against a sender, with outputs of every kind, and how it ended."""

    address: str
    folder: Path
    sender: Sender
    summary: Summary | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.lag = Lag(self.sender)
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        thread.join(HANGS)
        self.hangs = thread.is_alive()

    def _run(self) -> None:
        try:
            source = open_source(self.address, timeout=TIMEOUT)
            sinks = [
                BoxSink(BoxWriter(self.folder / "out.csv")),
                BoxSink(BoxLines(self.folder / "out.jsonl")),
                VideoSink(VideoWriter(self.folder / "out.mp4")),
                self.lag,
            ]
            self.summary = run(source, [(4, 5, 20, 10)], Standing(), sinks)
        except BaseException as error:
            self.error = error

    def broken_promises(self) -> Iterator[str]:
        """Says what is not as it is promised."""
        if self.hangs:
            yield "it hangs"
        elif self.error is not None:
            if not isinstance(self.error, InputError) or "\n" in str(self.error):
                yield f"{self.error!r}"
            if list(self.folder.iterdir()):
                yield f"an error, but files: {list(self.folder.iterdir())}"
        else:
            assert self.summary is not None
            yield from self._broken_outputs(self.summary)

    def _broken_outputs(self, summary: Summary) -> Iterator[str]:
        if "\n" in (summary.stopped or ""):
            yield f"several lines: {summary.stopped!r}"
        if sorted(p.name for p in self.folder.iterdir()) != ["out.csv", "out.jsonl", "out.mp4"]:
            yield f"files: {list(self.folder.iterdir())}"
            return
        rows = [line.split(",") for line in (self.folder / "out.csv").read_text().splitlines()[1:]]
        lines = [json.loads(row) for row in (self.folder / "out.jsonl").read_text().splitlines()]
        numbers = [int(row[0]) for row in rows]
        times = [float(row[1]) for row in rows]
        if len(rows) != summary.frames or numbers != [line["frame"] for line in lines]:
            yield f"{len(rows)} rows and {len(lines)} lines of {summary.frames} frames"
        if sorted(set(numbers)) != numbers or sorted(times) != times:
            yield f"numbers {numbers}, times {times}"
        if numbers[-1] - numbers[0] + 1 != summary.frames + summary.skipped:
            yield f"{summary.skipped} frames skipped of {numbers}"
        pictures = sum(frame.image is not None for frame in open_source(self.folder / "out.mp4"))
        if pictures != summary.frames - sum(b - a + 1 for a, b in summary.missing):
            yield f"{pictures} pictures of {summary.frames} frames, {summary.missing} missing"


def attack_with_streams(folder: Path, count: int, seed: int) -> list[str]:
    """Tries `count` faults of streams, each kind in turn. Returns what was mishandled."""
    draw, mishandled, kinds = random.Random(seed), [], list[Kind]()
    for number in range(count):
        if not kinds:
            kinds = _kinds(folder, draw)
            draw.shuffle(kinds)
        name, make, address, promise = kinds.pop()
        with closing(make()) as sender:
            attempt = Attempt(address.format(sender.place), folder / str(number), sender)
        broken = [*attempt.broken_promises()]
        said = str(attempt.error) if attempt.error else (attempt.summary or Summary()).stopped
        if not broken and not re.search(promise, said or ""):
            broken = [f"it says {said!r}"]
        late = attempt.lag.lags[1:]
        if "stalls" in name and "udp" not in name and late and median(late) > LATE:
            broken.append(f"frames are late by {late}")
        mishandled += [f"{number} {name}: {what}" for what in broken]
    return mishandled


Kind = tuple[str, Callable[[], Sender], str, str]
"""A fault's name, what makes its sender, the address around its place, and what must be said."""


def _kinds(folder: Path, draw: random.Random) -> list[Kind]:
    """Every fault on every line, each at a random frame."""
    kinds: list[Kind] = []
    for fault in FAULTS:
        for line in LINES:
            at, chance = draw.randrange(40, 60), random.Random(draw.random())
            script = partial(fault, line.frames(60), at, chance, line)
            address = f"{line.scheme}://{{}}{line.path}"
            make = partial(line.make, script, 0.03 if fault is stalls else 0.01)
            kinds.append((f"{line.scheme} {fault.__name__}", make, address, _promise(fault)))
    for name, head, script in [*heads(draw), *files(folder)]:
        make = partial(http_sender, partial(tuple, script), head=head)
        kinds.append((f"http {name}", make, "http://{}/video", ""))
    return kinds


def _promise(fault: Callable[..., Script]) -> str:
    """The words that a fault must be told in."""
    if fault is changes_size:
        return r"is 128x64, but the frames before it are 96x64"
    if fault is stalls:
        return r"stopped answering at frame \d+"
    return r"^cannot open|at frame 0: " if fault in UNREADABLE else ""


def test_faults_of_streams(tmp_path: Path) -> None:
    assert attack_with_streams(tmp_path, 12, seed=0) == []
