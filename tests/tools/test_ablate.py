"""The ladder on a tiny set: all rungs, killed in the middle and started again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from benchmark_folders import write_otb
from tiny_data import write_got10k
from tool_runs import tool_runs

from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.nn import SiamFC

CONFIG = {
    "epochs": 1,
    "batch": 2,
    "workers": 0,
    "precision": "fp32",
    "init": "teacher",
    "feature_distillation": 1.0,
    "response_distillation": 1.0,
    "norm_pass": 0.5,
    "data": {
        "sources": [{"kind": "got10k", "path": "got10k"}],
        "pairs_per_epoch": 2,
        "filter": {"min_side": 10},
    },
}
RUNGS = ["Bi", "R", "R+G", "R+MSE", "R+G+MSE", "XNOR-SF"]
KILLED = """
import os, signal
from rbsf.train.loop import Loop
before = Loop.run
def run(self):
    if self.folder.parent.name == "R+G":
        os.kill(os.getpid(), signal.SIGKILL)
    return before(self)
Loop.run = run
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data, a teacher with random weights, and a benchmark of one sequence."""
    folder = tmp_path_factory.mktemp("ladder")
    write_got10k(folder / "data", sequences=2, frames=3)
    write_otb(folder / "otb", "Still", [np.array([[20, 15, 24, 18]] * 3)], 3)
    torch.manual_seed(0)
    header = {"kind": "teacher", "config": {}}
    save_checkpoint(folder / "teacher.safetensors", header, {"model": SiamFC().state_dict()})
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def ladder(folder: Path):
    words = ("--config", "tiny.yaml", "--data", "data", "--teacher", "teacher.safetensors")
    words = (*words, "--seeds", "1", "--protocol", "ope", "--output", "ladder")
    with tool_runs(folder) as run:
        yield lambda *more, **how: run("ablate", *words, "--dataset", "otb=otb", *more, **how)


def test_a_ladder_that_is_killed_goes_on_and_ends_whole(ladder, folder: Path):
    asked = ladder("--dry-run")
    assert asked.status == 0 and asked.out == "", asked.err
    assert "8 cells" in asked.err and not (folder / "ladder").exists()

    killed = ladder(first=KILLED)
    assert killed.status == -9
    finished = folder / "ladder" / "R" / "seed-0" / "final.safetensors"
    assert finished.exists() and not (folder / "ladder/R+G/seed-0/final.safetensors").exists()
    before = finished.stat().st_mtime_ns

    ended = ladder()
    assert ended.status == 0, ended.err
    assert finished.stat().st_mtime_ns == before
    rows = [line.split(" | ") for line in ended.out.splitlines() if line.startswith("| ")]
    names = [row[0].removeprefix("| ") for row in rows[2:]]
    assert names[:6] == RUNGS
    assert names[6].removesuffix("+B") in RUNGS[:5] and names[7].startswith("XNOR")
    assert (folder / "ladder" / "ladder.md").read_text() in ended.out + "\n"
    assert (folder / "ladder" / "ladder.tex").exists()
    for name in names:
        header = load_checkpoint(folder / "ladder" / name / "seed-0" / "final.safetensors").header
        assert header["step"] == 1 and header["config"]["seed"] == 0

    other = ladder("--pairs", "4")
    assert other.status == 2
    assert "was begun with data.pairs_per_epoch = 2, now it is 4" in other.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dataset", "otb"), "--dataset otb: give a benchmark and its folder"),
        (("--dataset", "got10=otb"), "unknown dataset got10"),
        (("--config", "no.yaml"), "--config no.yaml: there is no such file"),
    ],
)
def test_a_mistake_gets_one_line(ladder, words, message):
    ended = ladder(*words)
    assert ended.status == 2 and message in ended.err and "Traceback" not in ended.err
