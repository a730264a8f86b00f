"""Work in several processes: every result comes, and a killed worker is told in one line."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from rbsf.errors import InputError
from tracker.ablation.jobs import run_cells
from tracker.processes import in_processes


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_or_die(cell: int, quiet: bool) -> int:
    assert quiet
    if cell == 2:
        killed()
    return cell


def test_every_call_gives_its_result():
    assert sorted(in_processes([partial(pow, 2, n) for n in range(6)], 2)) == [1, 2, 4, 8, 16, 32]


def test_work_that_is_left_to_the_backend_gives_its_result():
    assert list(in_processes([partial(pow, 3, 2)], -1)) == [9]


def test_a_killed_worker_is_told():
    with pytest.raises(InputError, match="a worker process was killed, perhaps for want of memory"):
        list(in_processes([killed], 2))


def test_a_ladder_whose_worker_is_killed_says_so():
    with pytest.raises(InputError, match="start the command again, it goes on where it was"):
        list(run_cells(run_or_die, [0, 1, 2, 3], 2))


def test_an_error_of_a_call_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        list(in_processes([partial(divmod, 1, 0)], 2))
