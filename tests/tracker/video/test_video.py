"""Sources give numbers, times and upright frames, and say in words what is wrong."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from clip_files import HEIGHT, WIDTH, blank_packet, flat, level, turn_clockwise, write_clip

from rbsf.errors import InputError
from tracker.video.open import SourceFault, VideoFrame, open_source


def read(name: str | Path, **options: float) -> tuple[list[VideoFrame], str | None]:
    """Reads every frame, and why the source stopped early, if it did."""
    frames = []
    try:
        for frame in open_source(name, **options):
            frames.append(frame)
    except SourceFault as fault:
        return frames, str(fault)
    return frames, None


def levels(frames: list[VideoFrame]) -> list[float]:
    return [float(frame.image.mean()) for frame in frames if frame.image is not None]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", [flat(i) for i in range(20)], gop=1)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("clip.mp4", "libx264", "yuv420p"),
        ("clip.mkv", "libx264", "yuv420p"),
        ("clip.avi", "mjpeg", "yuvj420p"),
        ("clip.avi", "mpeg4", "yuv420p"),
        ("clip.mkv", "ffv1", "gray"),
    ],
)
def test_a_file_gives_its_frames_in_order(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    path = write_clip(tmp_path / name, [flat(i) for i in range(20)], codec, pix_fmt)
    source = open_source(path)
    frames = list(source)
    assert source.size == (WIDTH, HEIGHT)
    assert source.count == 20
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(20)])
    assert levels(frames) == pytest.approx([level(i) for i in range(20)], abs=4)
    assert all(frame.image is not None and frame.image.dtype == np.uint8 for frame in frames)
    assert all(frame.fault is None for frame in frames)


def test_variable_frame_times_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.3, 0.31, 0.9, 1.0, 2.5, 2.6]
    path = write_clip(tmp_path / "vfr.mp4", [flat(i) for i in range(8)], times=times)
    frames, fault = read(path)
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1e-3)
    assert fault is None


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_turned_phone_gives_upright_frames(
    tmp_path: Path, degrees: int, corner: tuple[int, int]
) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    image[: HEIGHT // 2, : WIDTH // 2] = 220  # stored top left
    path = write_clip(tmp_path / "phone.mp4", [image] * 3)
    turn_clockwise(path, degrees)
    source = open_source(path)
    assert source.size == ((WIDTH, HEIGHT) if degrees == 180 else (HEIGHT, WIDTH))
    height, width = source.first_image.shape[:2]
    bright = np.argwhere(source.first_image[..., 0] > 125).mean(axis=0) / (height, width)
    assert bright == pytest.approx([0.25 if side == 0 else 0.75 for side in corner], abs=0.02)


def test_start_frame_keeps_numbers_and_times(clip: Path) -> None:
    frames, _ = read(clip, start=7)
    assert [frame.index for frame in frames] == list(range(7, 20))
    assert frames[0].time_s == pytest.approx(7 / 25)
    assert levels(frames)[0] == pytest.approx(level(7), abs=4)


def test_start_frame_past_the_end(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20 frames: start frame 20 is past the last one"):
        open_source(clip, start=20)
    cv2.imwrite(str(tmp_path / "1.png"), flat(0))
    with pytest.raises(InputError, match="1 images: start frame 1 is past the last one"):
        open_source(tmp_path, start=1)


def test_a_frame_that_cannot_be_decoded_is_named_and_passed(clip: Path) -> None:
    blank_packet(clip, 9)
    frames, fault = read(clip)
    assert fault is None
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.index for frame in frames if frame.image is None] == [9]
    assert "frame 9 of" in str(frames[9].fault)
    assert levels(frames) == pytest.approx([level(i) for i in range(20) if i != 9], abs=4)


@pytest.mark.parametrize("seed", range(3))
def test_after_damage_frames_keep_their_numbers_and_times(tmp_path: Path, seed: int) -> None:
    """H.264 refers to frames before, so what follows the damage cannot be decoded either."""
    count = 48
    path = write_clip(tmp_path / "clip.mp4", [flat(i % 24) for i in range(count)], gop=12)
    ruin(path, seed)
    frames, fault = read(path)
    assert fault is None
    assert [frame.index for frame in frames] == list(range(count))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(count)])
    missing = [frame.index for frame in frames if frame.image is None]
    assert missing and all("cannot be decoded" in str(frames[i].fault) for i in missing)
    whole = frames[36:]  # the last group of pictures is not touched
    assert levels(whole) == pytest.approx([level(i % 24) for i in range(36, count)], abs=6)


def ruin(path: Path, seed: int) -> None:
    """Overwrites all packets of the frames 12 to 30, but leaves the index as it is."""
    with av.open(str(path)) as container:
        packets = [(p.pts, p.pos, p.size) for p in container.demux(video=0) if p.size]
    data, draw = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for _, position, size in sorted(packets, key=lambda packet: packet[1])[12:30]:
        data[position : position + size] = draw.bytes(size)
    path.write_bytes(data)


def test_a_bad_first_frame_tells_where_to_start(clip: Path) -> None:
    blank_packet(clip, 0)
    blank_packet(clip, 1)
    with pytest.raises(InputError, match=r"frame 0 of .* decoded; .* that can be is 2"):
        open_source(clip)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_a_file_cut_short_keeps_what_came_before(tmp_path: Path, name: str) -> None:
    codec = "mjpeg" if name == "clip.avi" else "libx264"
    pix_fmt = "yuvj420p" if name == "clip.avi" else "yuv420p"
    path = write_clip(tmp_path / name, [flat(i) for i in range(20)], codec, pix_fmt, gop=1)
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * 0.6)])
    frames, fault = read(path)
    assert 5 < len(frames) < 18
    assert f"breaks off before frame {len(frames)}" in str(fault)


def test_images_come_in_natural_order_and_colour(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), np.full((8, 6), number, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    frames, fault = read(tmp_path)
    assert levels(frames) == [1, 2, 9, 10]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[0].image is not None and frames[0].image.shape == (8, 6, 3)
    assert fault is None


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), flat(number))
    whole = (tmp_path / "2.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.jpg").write_bytes(b"")
    frames, _ = read(tmp_path)
    assert [frame.image is None for frame in frames] == [False, False, True, True]
    assert "frame 2" in str(frames[2].fault) and "2.jpg" in str(frames[2].fault)


def test_frames_of_another_size_end_a_source(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((8, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 7, 3), np.uint8))
    frames, fault = read(tmp_path)
    assert len(frames) == 1
    assert "frame 1 is 7x8, but the frames before it are 6x8" in str(fault)


def sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))


def song_with_a_cover(path: Path) -> None:
    """A sound file in which a picture is stored as its cover."""
    cover = cv2.imencode(".png", flat(0))[1].tobytes()
    with av.open(str(path), "w") as container:
        audio = container.add_stream("mp3", rate=44100)
        picture = container.add_stream("png")
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "rgb24"
        picture.disposition = Disposition.attached_pic
        packet = av.Packet(cover)
        packet.stream, packet.pts, packet.dts = picture, 0, 0
        container.mux(packet)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 44100), np.float32), "fltp", "stereo")
        sound.sample_rate = 44100
        container.mux([*audio.encode(sound), *audio.encode(None)])


def test_a_songs_cover_is_no_video(tmp_path: Path) -> None:
    song_with_a_cover(tmp_path / "song.mp3")
    with pytest.raises(InputError, match="holds no video"):
        open_source(tmp_path / "song.mp3")


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4", "clip.mkv"])
def test_a_title_that_is_not_utf8_is_no_hindrance(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, [flat(i) for i in range(4)], title="Cafe title")
    path.write_bytes(path.read_bytes().replace(b"Cafe", b"Caf\xe9"))  # Latin-1
    with pytest.raises(UnicodeDecodeError), av.open(str(path)):
        pass
    assert len(read(path)[0]) == 4


def test_a_code_that_is_not_known_is_one_line(clip: Path) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(InputError, match="in a codec that is not known here"):
        open_source(clip)


def test_a_colon_in_a_name_begins_no_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(tmp_path / "at 12:30.mp4", [flat(0), flat(1)])
    (tmp_path / "at 12:30.mp4").rename(tmp_path / "concat:clip.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(read("concat:clip.mp4")[0]) == 2


def test_a_folder_that_may_not_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=r"cannot read folder .*Permission denied"):
        open_source(tmp_path)


def test_what_is_no_source_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello")
    sound(tmp_path / "sound.wav")
    for name, why in {
        "missing.mp4": "no such video",
        "empty": "holds no images",
        "zero.mp4": "cannot open",
        "text.mp4": "not a readable video",
        "sound.wav": "holds no video",
    }.items():
        with pytest.raises(InputError, match=why) as caught:
            open_source(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(InputError, match="camera 97 cannot be opened"):
        open_source("97")


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        open_source("http://me:secret@127.0.0.1:9/stream", timeout=1)
    assert "127.0.0.1:9" in str(caught.value) and "secret" not in str(caught.value)


def test_standard_input_is_a_source(clip: Path) -> None:
    code = "from tracker.video.open import open_source; print(len(list(open_source('-'))))"
    with clip.open("rb") as stream:
        done = subprocess.run([sys.executable, "-c", code], stdin=stream, capture_output=True)
    assert done.stdout.strip() == b"20", done.stderr


@pytest.fixture
def stalling_server(clip: Path) -> Iterator[str]:
    """Serves a clip up to its middle, then keeps the connection open and sends nothing."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = clip.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            ended.wait()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/clip.mp4"
    ended.set()
    server.shutdown()
    server.server_close()


def test_a_stream_that_stops_answering(stalling_server: str) -> None:
    frames, fault = read(stalling_server, timeout=1.0)
    assert 3 < len(frames) < 15
    assert levels(frames) == pytest.approx([level(i) for i in range(len(frames))], abs=4)
    assert f"stopped answering at frame {len(frames)}: no frame for 1 s" in str(fault)


@pytest.fixture
def camera_server() -> Iterator[tuple[str, list[int]]]:
    """A camera that sends JPEG pictures over HTTP without end, 100 a second, and counts them."""
    ended, sent = threading.Event(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            while not ended.wait(0.01):
                data = cv2.imencode(".jpg", flat(len(sent) % 30))[1].tobytes()
                head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}"
                with suppress(OSError):
                    self.wfile.write(head.encode() + b"\r\n\r\n" + data + b"\r\n")
                sent.append(len(data))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/video", sent
    ended.set()
    server.shutdown()
    server.server_close()


def test_an_http_camera_skips_what_comes_meanwhile(
    camera_server: tuple[str, list[int]],
) -> None:
    address, sent = camera_server
    source = open_source(address, timeout=10)
    assert source.live
    frames, began = iter(source), time.monotonic()
    next(frames)
    for _ in range(3):
        before = len(sent)
        while len(sent) < before + 30:  # the tracker is thirty times as slow as the camera
            time.sleep(0.01)
        frame = next(frames)
    assert frame.index >= len(sent) - 10
    assert 0.9 <= frame.time_s <= time.monotonic() - began + 1  # 90 frames, a hundredth each
    source.close()


def test_a_file_from_a_server_is_read_whole_unless_it_is_said_to_be_live(
    stalling_server: str,
) -> None:
    assert not open_source(stalling_server, timeout=1.0).live
    assert open_source(stalling_server, timeout=1.0, live=True).live
