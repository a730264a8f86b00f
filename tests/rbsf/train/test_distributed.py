"""Two processes under torchrun: equal networks, averaged gradients, and a single writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_data import write_got10k
from torch import nn
from two_processes import INPUTS

from rbsf.files.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of two processes: their gradients, and the runs of a teacher and of a student."""
    folder = tmp_path_factory.mktemp("two")
    write_got10k(folder / "data", sequences=2, frames=3)
    data = {
        "root": str(folder / "data"),
        "cache": str(folder / "cache"),
        "sources": [{"kind": "got10k", "path": "got10k"}],
        "pairs_per_epoch": 4,
        "filter": {"min_side": 10},
    }
    common = {"epochs": 1, "batch": 1, "workers": 0, "precision": "fp32", "data": data}
    student = {
        **common,
        "teacher": str(folder / "teacher" / "final.safetensors"),
        "init": "teacher",
        "response_distillation": 1.0,
        "norm_pass": 0.5,
    }
    (folder / "teacher.yaml").write_text(yaml.safe_dump(common))
    (folder / "student.yaml").write_text(yaml.safe_dump(student))
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ROOT / "tests" / "helpers" / "two_processes.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *command, str(script), str(folder)],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def both(folder: Path, name: str) -> list[dict[str, torch.Tensor]]:
    return [load_file(folder / f"{name}{rank}.safetensors") for rank in range(2)]


def test_gradients_are_those_of_one_process_with_both_batches(folder):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    module(INPUTS).square().mean().backward()
    for found in both(folder, "gradients"):
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(found[name], parameter.grad)


def test_averages_flags_and_what_is_shared_are_everybodys(folder):
    for found in both(folder, "gradients"):
        assert found["mean"].item() == 0.5
        assert found["shared"].item() == 5
        assert found["flags"].tolist() == [True, False]


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_both_end_with_the_same_network_and_the_first_writes_it(folder, name):
    first, second = both(folder, name)
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    final = load_checkpoint(folder / name / "final.safetensors")
    assert final.header["world"] == 2 and final.header["step"] == 2
    model = final.part("model")
    assert all(torch.equal(model[k.removeprefix("model/")], v) for k, v in first.items()
               if k.startswith("model/"))  # fmt: skip
    assert len(list((folder / name).glob("events.*"))) == 1
    assert any(key.startswith("discriminators/") for key in first) == (name == "student")
