"""Locks: who is refused, who waits, and what becomes of the lock of a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rbsf.errors import InputError
from rbsf.files.lock import alone_in, one_at_a_time

HOLD = """
import os, sys
from pathlib import Path
from rbsf.files.lock import alone_in, one_at_a_time
with {lock}:
    {do}
    print("holds", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(folder: Path, do: str = "pass") -> Iterator[subprocess.Popen[str]]:
    """Another process that works alone in a folder until its standard input is closed."""
    code = HOLD.format(lock=f"alone_in(Path({str(folder)!r}))", do=do)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    with holding(tmp_path / "run") as other:
        with pytest.raises(InputError) as error, alone_in(tmp_path / "run"):
            pass
        assert f"run is in use by process {other.pid} on " in str(error.value)
        assert " since 20" in str(error.value) and "\n" not in str(error.value)
        other.communicate()
    with alone_in(tmp_path / "run"):
        assert str(os.getpid()) in (tmp_path / "run" / ".lock").read_text()
    assert not (tmp_path / "run").exists()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """Also while a worker that it forked lives on."""
    fork = "if os.fork() == 0: os.close(1); os.read(0, 1); os._exit(0)"
    with holding(tmp_path, fork) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (tmp_path / ".lock").exists()
        with alone_in(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_stays(tmp_path: Path) -> None:
    with alone_in(tmp_path / "a" / "run"):
        (tmp_path / "a" / "run" / "file").touch()
    assert [path.name for path in (tmp_path / "a" / "run").iterdir()] == ["file"]
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path / "b"):
        raise ZeroDivisionError
    assert not (tmp_path / "b").exists()


def test_whoever_waits_goes_on_when_the_lock_is_free(tmp_path: Path) -> None:
    code = HOLD.format(lock=f"one_at_a_time(Path({str(tmp_path)!r}), 'works')", do="pass")
    with one_at_a_time(tmp_path, "works"):
        waiting = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert waiting.stderr
        line = waiting.stderr.readline()
        assert line.startswith(f"waiting for process {os.getpid()} on") and "works" in line
        assert waiting.poll() is None
    assert waiting.communicate()[0] == "holds\n" and waiting.returncode == 0
    assert not (tmp_path / ".lock").exists()


def test_a_link_at_the_locks_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match=r"cannot write .*\.lock"), alone_in(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "data"


def test_what_else_lies_in_a_lock_is_not_shown(tmp_path: Path) -> None:
    with holding(tmp_path):
        (tmp_path / ".lock").write_text("process \x1b[2J")
        with pytest.raises(InputError, match="in use by another process:"), alone_in(tmp_path):
            pass


def test_a_lock_that_somebody_removed_is_not_removed_from_the_next(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        (tmp_path / ".lock").unlink()
        (tmp_path / ".lock").write_text("another's")
    assert (tmp_path / ".lock").read_text() == "another's"


def test_without_locks_of_the_file_system_work_goes_on_with_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.lockf", no_locks)
    with alone_in(tmp_path):
        pass
    assert "cannot be locked (Function not implemented)" in capsys.readouterr().err
