"""Files that grow: a link that somebody planted at their other name is not followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rbsf.errors import InputError
from rbsf.files import atomic
from rbsf.files.atomic import partial_name, remove_remains, write_text
from rbsf.geometry import Box
from tracker.output.box_file import BoxWriter
from tracker.output.video_file import VideoWriter


def write_boxes(path: Path) -> None:
    writer = BoxWriter(path)
    writer.write(0, 0.0, 0, Box(1, 2, 3, 4), 0.5, False)
    writer.close()


def write_video(path: Path) -> None:
    writer = VideoWriter(path)
    writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    writer.close()


WRITERS = [
    (lambda path: write_text(path, "text"), "a.txt"),
    (write_boxes, "a.csv"),
    (write_video, "a.mp4"),
]


def test_nobody_foresees_the_other_name(tmp_path: Path) -> None:
    names = {partial_name(tmp_path / "a.csv") for _ in range(20)}
    assert len(names) == 20


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_planted_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], name: str
) -> None:
    """Even where the random part of the name was guessed."""
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda count: "0" * 2 * count)
    precious = tmp_path / "precious"
    precious.write_text("data")
    partial_name(tmp_path / name).symlink_to(precious)
    with pytest.raises(InputError, match=rf"cannot write .*{name}: File exists"):
        write(tmp_path / name)
    assert precious.read_text() == "data"
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(("write", "name"), WRITERS)
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_all_writers_give_the_mode_of_the_umask(
    tmp_path: Path, write: Callable[[Path], None], name: str, mask: int
) -> None:
    former = os.umask(mask)
    try:
        write(tmp_path / name)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~mask
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_remains_of_this_form_are_swept(tmp_path: Path) -> None:
    dead = 2**22 + 1  # no process has that number
    for name in (f".a.csv.{dead}-0a1b2c3d.part", f".a.csv.{dead}.part"):
        (tmp_path / name).touch()
    kept = tmp_path / f".a.csv.{os.getppid()}-0a1b2c3d.part"
    kept.touch()
    remove_remains(tmp_path)
    assert list(tmp_path.iterdir()) == [kept]
