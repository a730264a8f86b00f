"""What a source's name stands for, and what of it may be shown."""

from __future__ import annotations

import os
import random
import string
from pathlib import Path

import pytest

from rbsf.errors import InputError
from tracker.output.check import check_output
from tracker.video.address import identity, scheme_of, shown
from tracker.video.open import open_source

SECRET = "s3cret"
MARKS = "@/:?#&=%+!$"


def secret_addresses(count: int, seed: int) -> list[str]:
    """Addresses that hold SECRET as a user, a password, or a part of a query."""
    draw, made = random.Random(seed), []

    def noise() -> str:
        letters = draw.choices(MARKS + string.ascii_letters, k=draw.randrange(6))
        return "".join(letters)

    for _ in range(count):
        scheme = draw.choice(["rtsp", "http", "https", "rtmp", "srt"])
        secret = f"{noise()}{SECRET}{noise()}"
        host = draw.choice(["host", "10.0.0.7:554", "[::1]:8554", "cam.example.org/live/1"])
        made.append(
            draw.choice(
                [
                    f"{scheme}://user:{secret}@{host}",
                    f"{scheme}://{secret}@{host}",
                    f"{scheme}://{host}?token={secret}",
                    f"{scheme}://user:{secret}@{host}?a={secret}",
                    f"{scheme}://{host}/#{secret}",
                ]
            )
        )
    return made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rtsp://user:se@cret@host/1", "rtsp://***@host/1"),
        ("rtsp://u:p/w@host/stream", "rtsp://***@host/stream"),
        ("http://host/video?token=abc", "http://host/video?***"),
        ("http://host/video?mail=a@b", "http://***"),
        ("http://host:80/video", "http://host:80/video"),
        ("clips/a@b?c.mp4", "clips/a@b?c.mp4"),
        ("-", "-"),
    ],
)
def test_secrets_are_hidden(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_no_secret_is_ever_shown() -> None:
    for address in secret_addresses(500, seed=0):
        assert SECRET not in shown(address), address


def test_the_door_shows_no_secret() -> None:
    for address in ("http://u:p/wsecret@127.0.0.1:9/", "http://127.0.0.1:9/v?token=wsecret"):
        with pytest.raises(InputError) as caught:
            open_source(address, timeout=1)
        assert "wsecret" not in str(caught.value) and "cannot open" in str(caught.value)


def test_addresses_that_could_hide_a_file_are_refused(tmp_path: Path) -> None:
    for scheme in ("async", "cache", "concat", "subfile", "crypto", "data"):
        with pytest.raises(InputError, match="must be a file or begin with one of rtsp://"):
            open_source(f"{scheme}://{tmp_path}/clip.mp4")
    assert scheme_of("RTSP://host") == "rtsp"


def test_a_source_is_not_overwritten_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "a clip.mp4"
    clip.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(clip)
    os.link(clip, tmp_path / "hard.mp4")
    monkeypatch.chdir(tmp_path)
    spellings = [
        str(clip),
        "a clip.mp4",
        "./a clip.mp4",
        f"file://{clip}",
        f"FILE://{clip}",
        f"file:{clip}",
        "file:a clip.mp4",
        f"file://localhost{clip}",
        f"file://{clip}".replace(" ", "%20"),
        "link.mp4",
        "hard.mp4",
    ]
    for name in spellings:
        with pytest.raises(InputError, match="is the source itself"):
            check_output(clip, (".mp4",), name)
    assert identity("file:///no/such.mp4") is None
    check_output(tmp_path / "other.mp4", (".mp4",), str(clip))


def test_standard_input_is_not_overwritten(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    saved = os.dup(0)
    with clip.open("rb") as stream:
        os.dup2(stream.fileno(), 0)
    try:
        with pytest.raises(InputError, match="is the source itself"):
            check_output(clip, (".mp4",), "-")
    finally:
        os.dup2(saved, 0)
        os.close(saved)
