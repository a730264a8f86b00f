"""The process that measures restarts itself with the number of threads that is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracker.benchmark import machine
from tracker.benchmark.machine import LOADED_BY_ENVIRONMENT, restart_with_threads

Restart = tuple[list[str], dict[str, str]]


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[Restart]:
    """The words and variables of every restart, none of which happens."""
    made: list[Restart] = []
    monkeypatch.setattr(
        machine.os, "execve", lambda file, words, variables: made.append((words, variables))
    )
    for name in LOADED_BY_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return made


def test_a_script_restarts_as_it_was_started(restarts, monkeypatch, tmp_path: Path) -> None:
    script = tmp_path / "benchmark.py"
    script.touch()
    monkeypatch.setattr(sys, "argv", [str(script), "--threads", "2"])
    restart_with_threads(2)
    ((words, variables),) = restarts
    assert words == [sys.executable, str(script), "--threads", "2"]
    assert all(variables[name] == "2" for name in LOADED_BY_ENVIRONMENT)


def test_the_command_rbsf_restarts_as_it_was_started(restarts, monkeypatch) -> None:
    """There sys.argv[0] is "rbsf benchmark", which is no file that Python could run."""
    monkeypatch.setattr(sys, "argv", ["rbsf benchmark", "--threads", "2"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "rbsf", "benchmark", "--threads", "2"])
    restart_with_threads(2)
    ((words, _),) = restarts
    assert words == [sys.executable, "-m", "rbsf", "benchmark", "--threads", "2"]


def test_a_process_with_the_right_threads_goes_on(restarts, monkeypatch) -> None:
    for name in LOADED_BY_ENVIRONMENT:
        monkeypatch.setenv(name, "3")
    restart_with_threads(3)
    assert restarts == []
