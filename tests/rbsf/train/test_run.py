"""`train`: what it prints before the first step, and which folders it refuses."""

import pytest
from tiny_data import write_got10k

from rbsf.errors import InputError
from rbsf.train import run
from rbsf.train.settings import RunSettings


class NoSteps:
    """Stands in for the loop: it trains nothing."""

    steps = 3

    def __init__(self, *arguments):
        pass

    def resume(self):
        pass

    def run(self):
        return True


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Begins a run on two sequences, of which one has boxes that are too small for the filter."""
    monkeypatch.setattr(run, "_be_deterministic", lambda: None)
    truth = write_got10k(tmp_path, sequences=2) / "train" / "seq0" / "groundtruth.txt"
    truth.write_text("".join("61,41,12,12\n" for _ in truth.read_text().splitlines()))
    data = {
        "root": str(tmp_path),
        "cache": str(tmp_path / "cache"),
        "sources": [{"path": "got10k"}],
    }
    settings = RunSettings(data=data, device="cpu")

    def begin(**changes):
        folder = tmp_path / "run"
        return run.train(lambda *_: None, settings, folder, loop_type=NoSteps, **changes)

    return begin


def test_it_prints_the_remarks_on_the_data_and_the_size_of_an_epoch(begin, capsys):
    assert begin()
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert "got10k: 1 of 2 targets has no frame that passes data.filter" in lines
    assert "an epoch has 1 pairs, 3 steps on cpu" in lines


def test_a_folder_with_a_run_is_refused_unless_the_run_is_resumed(begin, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.safetensors").touch()
    with pytest.raises(InputError, match="run already holds a run: resume it, or train in another"):
        begin()
    assert begin(resume=True)


def test_an_empty_folder_has_no_run_to_resume(begin):
    with pytest.raises(InputError, match="run holds no run to resume: begin one without resuming"):
        begin(resume=True)
