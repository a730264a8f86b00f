"""TensorBoard's events: TensorBoard reads what was logged, and a full disk is one line."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rbsf.errors import InputError
from rbsf.train import events
from rbsf.train.events import EventFile
from rbsf.train.log import Log


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The curves of a folder, by name, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def test_tensorboard_reads_what_was_added(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    for step in (1, 2):
        file.add(step, {"loss/response": step / 2, "lr": 0.25})
    assert read(tmp_path) == {"loss/response": [(1, 0.5), (2, 1.0)], "lr": [(1, 0.25), (2, 0.25)]}


def test_a_resumed_run_replaces_what_it_does_again(tmp_path: Path) -> None:
    first, again = EventFile(tmp_path), EventFile(tmp_path, first=3)
    first.path = first.path.rename(tmp_path / "events.out.tfevents.1.a")
    again.path = again.path.rename(tmp_path / "events.out.tfevents.2.a")
    for step in range(1, 6):
        first.add(step, {"loss": 1.0})
    again.add(3, {"loss": 2.0})
    assert read(tmp_path) == {"loss": [(1, 1.0), (2, 1.0), (3, 2.0)]}


def test_the_log_counts_steps_by_twenty_and_names_epochs(tmp_path: Path) -> None:
    log = Log(tmp_path, is_main=True)
    for step in range(1, 41):
        log.step(step, {"response": 1.0})
    log.epoch(40, "epoch 1/1", {"ao": 0.5, "grad/response/conv2": 0.25})
    assert read(tmp_path) == {
        "loss/response": [(20, 1.0), (40, 1.0)],
        "epoch/ao": [(40, 0.5)],
        "grad/response/conv2": [(40, 0.25)],
    }


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path, is_main=True)
    log.step(20, {"response": 1.0})

    class Full:
        def __init__(self, stream: object) -> None:
            pass

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(events, "RecordWriter", Full)
    with pytest.raises(InputError, match=r"cannot write .*: No space left on device$"):
        log.step(40, {"response": 1.0})
