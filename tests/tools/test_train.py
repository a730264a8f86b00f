"""The training commands on a tiny set: runs that are interrupted, killed, wrong, or diverge."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml
from tool_runs import ROOT, tool_runs

from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.files.lock import alone_in
from rbsf.files.networks import load_network
from rbsf.nn import BinaryAlexNetV1, SiamFC

sys.path.append(str(ROOT / "tests" / "rbsf"))
from tiny_data import write_got10k, write_plain, write_voc

DATA = {
    "sources": [
        {"kind": "got10k", "path": "got10k", "weight": 2},
        {"kind": "voc", "path": "voc", "weight": 1},
        {"kind": "folder", "path": "plain", "weight": 1},
    ],
    "pairs_per_epoch": 7,
    "filter": {"min_side": 10, "max_share": 0.9},
    "augment": {"colour": 0.2, "blur": 0.3, "grey": 0.3, "flip": 0.5},
}
COMMON = {"epochs": 2, "batch": 2, "workers": 0, "checkpoint_steps": 2, "precision": "fp32"}
CONFIGS = {
    "train_siamfc": {**COMMON, "data": DATA, "optimiser": {"lr": 1e-3, "final_lr": 1e-4}},
    "train_rbsf": {
        **COMMON,
        "data": DATA,
        "teacher": "teacher.safetensors",
        "init": "teacher",
        "optimiser": {"name": "adam", "lr": 1e-3, "final_lr": 1e-4, "weight_decay": 0},
        "response_distillation": 1.0,
        "feature_distillation": 1.0,
        "search_map_stride": 2,
        "norm_pass": 0.34,
        "freeze_norms_from": 0.5,
    },
}
"""Runs of two epochs with three steps each. Checkpoints come after steps 2, 3, 5 and 6."""

AFTER_STEP = """
import os, signal
from rbsf.train.log import Log
before = Log.step
def step(self, number, losses):
    before(self, number, losses)
    if number == {step}:
        {do}
Log.step = step
"""
IN_A_WRITE = """
import os, signal
from rbsf.files import atomic
publish = atomic.publish
def dying(partial, path):
    if path.suffix == ".safetensors":
        os.truncate(partial, os.path.getsize(partial) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    publish(partial, path)
atomic.publish = dying
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, configs and a teacher with random weights."""
    folder = tmp_path_factory.mktemp("training")
    write_got10k(folder / "data", sequences=2, frames=3)
    write_voc(folder / "data", 2)
    write_plain(folder / "data", 2)
    torch.manual_seed(0)
    header = {"kind": "teacher", "config": {}}
    save_checkpoint(folder / "teacher.safetensors", header, {"model": SiamFC().state_dict()})
    for name, config in CONFIGS.items():
        write_config(folder, name, config)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    with tool_runs(folder) as runs:
        yield runs


def write_config(folder: Path, name: str, config: dict) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


def words(tool: str, output: str) -> tuple[str, ...]:
    return ("--config", f"{tool}.yaml", "--data", "data", "--output", output)


def step_of(file: Path) -> int:
    return load_checkpoint(file).header["step"]


@pytest.mark.parametrize("tool", CONFIGS)
def test_a_run_that_is_stopped_and_killed_ends_as_one_that_was_not(run, folder, tool):
    """After Ctrl-C, SIGKILL in a write and SIGKILL in an epoch, the bits are the same."""
    with_workers = write_config(folder, "workers", {**CONFIGS[tool], "workers": 1})
    whole = run(tool, *words(tool, f"{tool}/whole"), "--config", with_workers)
    assert whole.status == 0, whole.err
    assert whole.out.strip() == f"{tool}/whole/final.safetensors"

    last = folder / tool / "run" / "last.safetensors"
    again = (*words(tool, f"{tool}/run"), "--resume")
    ctrl_c = AFTER_STEP.format(step=1, do="os.killpg(0, signal.SIGINT)")
    stopped = run(tool, *again[:-1], "--config", with_workers, first=ctrl_c)
    assert stopped.status == 130, stopped.err
    assert step_of(last) == 1

    before = last.read_bytes()
    killed_in_a_write = run(tool, *again, first=IN_A_WRITE)
    assert killed_in_a_write.status == -9, killed_in_a_write.err
    assert list(last.parent.glob(".last.safetensors.*.part"))
    assert last.read_bytes() == before

    kill = AFTER_STEP.format(step=6, do="os.kill(os.getpid(), signal.SIGKILL)")
    killed_in_an_epoch = run(tool, *again, first=kill)
    assert killed_in_an_epoch.status == -9, killed_in_an_epoch.err
    assert step_of(last) == 5
    assert not (last.parent / "final.safetensors").exists()

    ended = run(tool, *again)
    assert ended.status == 0, ended.err
    assert "resuming from" in ended.err and "epoch 2, batch 2" in ended.err
    for name in ("final", "last"):
        one, other = (
            load_checkpoint(folder / tool / which / f"{name}.safetensors").tensors
            for which in ("whole", "run")
        )
        assert one.keys() == other.keys()
        different = [key for key in one if not torch.equal(one[key], other[key])]
        assert different == []

    network = load_network(folder / tool / "run" / "final.safetensors")
    assert isinstance(network.backbone, BinaryAlexNetV1) == (tool == "train_rbsf")
    assert "epoch 2/2" in ended.err and "compute_s" in ended.err


def one_line(ended) -> str:
    """Returns the one line of a refusal, and checks its exit status 2."""
    assert ended.status == 2, ended.err
    lines = [line for line in ended.err.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1 and "Traceback" not in ended.err
    assert lines[-1] == errors[0]
    assert ended.out == ""
    return errors[0]


def test_a_full_disk_ends_a_run_in_one_line_and_keeps_its_last_state(run, folder):
    """No file can grow beyond a megabyte after the first epoch: it fails as on a full disk."""
    tool, output = "train_siamfc", folder / "full_disk"
    fill = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); import resource; "
    fill += "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))"
    ended = run(tool, *words(tool, output), first=AFTER_STEP.format(step=4, do=fill))
    assert one_line(ended) == f"error: cannot write {output / 'last.safetensors'}: File too large"
    assert step_of(output / "last.safetensors") == 3
    assert not list(output.glob(".*"))
    ended = run(tool, *words(tool, output), "--resume")
    assert ended.status == 0, ended.err
    assert step_of(output / "final.safetensors") == 6


def test_a_second_run_in_one_folder_is_refused_by_the_name_of_the_first(run, folder):
    tool, output = "train_siamfc", folder / "shared"
    with alone_in(output):
        line = one_line(run(tool, *words(tool, output)))
        assert f"shared is in use by process {os.getpid()} on" in line
    assert not output.exists()


@pytest.mark.parametrize(
    ("tool", "changes", "message"),
    [
        ("train_siamfc", {"epoch": 3}, "unknown key epoch; did you mean epochs?"),
        ("train_rbsf", {"adversarial_los": 3}, "did you mean adversarial_loss?"),
        ("train_rbsf", {"epochs": "many"}, "epochs: Input should be a valid integer"),
        ("train_rbsf", {"teacher": "none.safetensors"}, "none.safetensors"),
        ("train_siamfc", {"device": "cuda:77"}, "device 'cuda:77'"),
        ("train_siamfc", {"batch": 50}, "fewer than one batch of 50"),
    ],
)
def test_mistakes_in_a_config(run, folder, tool, changes, message):
    write_config(folder, "mistake", {**CONFIGS[tool], **changes})
    ended = run(tool, "--config", "mistake.yaml", "--data", "data", "--output", "mistake")
    line = one_line(ended)
    assert message in line
    if "key" in message:
        assert "mistake.yaml" in line
        assert not (folder / "mistake").exists()


def test_data_that_is_missing_or_empty(run, folder):
    tool = "train_siamfc"
    line = one_line(run(tool, *words(tool, "nowhere"), "--data", "nowhere"))
    assert "--data nowhere: there is no such folder; give the folder that holds" in line
    (folder / "hollow" / "got10k" / "train").mkdir(parents=True)
    (folder / "hollow" / "got10k" / "train" / "list.txt").write_text("")
    line = one_line(run(tool, *words(tool, "nowhere"), "--data", "hollow"))
    assert "the split is empty" in line
    line = one_line(run(tool, "--config", "no.yaml"))
    assert "--config no.yaml: there is no such file" in line
    line = one_line(run(tool, *words(tool, "nowhere"), "--validation", "data/voc"))
    assert "data/voc" in line
    assert not (folder / "nowhere").exists()


def test_a_run_is_never_begun_over_another_nor_resumed_from_nothing(run, folder):
    tool, output = "train_siamfc", folder / "taken"
    changes = {"epochs": 1, "data": {**DATA, "pairs_per_epoch": 2}}
    one = write_config(folder, "one", {**CONFIGS[tool], **changes})
    line = one_line(run(tool, *words(tool, output), "--resume"))
    assert "taken holds no run to resume" in line
    assert run(tool, *words(tool, output), "--config", one).status == 0
    line = one_line(run(tool, *words(tool, output), "--config", one))
    assert "taken already holds a run: resume it" in line
    line = one_line(run(tool, *words(tool, output), "--resume"))
    assert "was begun with data.pairs_per_epoch = 2, now it is 7" in line
    damaged = output / "last.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    line = one_line(run(tool, *words(tool, output), "--config", one, "--resume"))
    assert "last.safetensors is damaged" in line


def test_a_run_goes_on_where_data_crops_and_teacher_have_moved(run, folder):
    tool, output = "train_rbsf", folder / "moving"
    stop = AFTER_STEP.format(step=1, do="os.killpg(0, signal.SIGINT)")
    assert run(tool, *words(tool, output), "--cache", "crops", first=stop).status == 130
    shutil.copytree(folder / "data", folder / "disk2")
    shutil.copy(folder / "teacher.safetensors", folder / "moved.safetensors")
    moved = ("--data", "disk2", "--cache", "crops2", "--teacher", "moved.safetensors", "--resume")

    truth = folder / "disk2" / "got10k" / "train" / "seq0" / "groundtruth.txt"
    kept = truth.read_text()
    truth.write_text(kept.replace("61.0", "62.0"))
    line = one_line(run(tool, *words(tool, output), *moved))
    assert "was begun with another data than disk2, whose content differs" in line
    truth.write_text(kept)

    ended = run(tool, *words(tool, output), *moved)
    assert ended.status == 0 and "epoch 1, batch 1" in ended.err, ended.err
    assert step_of(output / "final.safetensors") == 6


def test_a_full_run_without_a_teacher_is_refused_before_its_data_is_read(run, folder):
    full = folder / "full" / "got10k" / "train"
    full.mkdir(parents=True)
    (full / "list.txt").write_text("".join(f"GOT-10k_Train_{n:06d}\n" for n in range(1, 9336)))
    config = {key: value for key, value in CONFIGS["train_rbsf"].items() if key != "teacher"}
    write_config(folder, "no_teacher", config)
    options = ("--config", "no_teacher.yaml", "--data", "full", "--output", "full_run")
    line = one_line(run("train_rbsf", *options))
    assert "the data has 9,335 sequences" in line and "rbsf train siamfc" in line
    assert not (folder / "full_run").exists()


@pytest.mark.parametrize("tool", CONFIGS)
def test_a_loss_that_is_not_finite_stops_the_run(run, folder, tool):
    config = {**CONFIGS[tool], "checkpoint_steps": 1}
    config["optimiser"] = {"name": "sgd", "lr": 1e30, "final_lr": 1e30, "weight_decay": 0}
    write_config(folder, "astray", config)
    output = folder / f"astray_{tool}"
    line = one_line(run(tool, "--config", "astray.yaml", "--data", "data", "--output", output))
    assert "is not finite at epoch 1, batch 1 (step 1)" in line
    assert str(output) in line and "lower optimiser.lr (1e+30)" in line
    assert step_of(output / "last.safetensors") == 1
    assert not (output / "final.safetensors").exists()


def test_a_damaged_image_is_named_and_the_run_goes_on(run, folder):
    tool, data = "train_siamfc", folder / "worn"
    write_plain(data, 3)
    (data / "plain" / "photo1.png").write_bytes(b"no image")
    config = {**CONFIGS[tool], "epochs": 1}
    config["data"] = {**DATA, "sources": [DATA["sources"][2]], "pairs_per_epoch": 2}
    write_config(folder, "worn", config)
    ended = run(tool, "--config", "worn.yaml", "--data", "worn", "--output", "worn_run")
    assert ended.status == 0, ended.err
    assert "1 damaged images skipped" in ended.err and "photo1.png" in ended.err


def test_the_benchmark_names_what_it_measured_and_where(run, folder):
    options = ("--config", "train_rbsf.yaml", "--data", "data", "--device", "cpu")
    ended = run(
        "benchmark", "train", *options, "--steps", "2", "--threads", "1", "--json", "speed.json"
    )
    assert ended.status == 0, ended.err
    figures = json.loads((folder / "speed.json").read_text())
    assert (figures["threads"], figures["precision"], figures["batch"]) == (1, "fp32", 2)
    assert figures["torch"] == torch.__version__
    assert "benchmark.py train --config train_rbsf.yaml" in figures["command"]
    rows = {row["name"]: row for row in figures["speeds"]}
    classifiers = {"WRN-22 teacher step", "WRN-22 RBCN step"}
    assert rows.keys() == {"teacher step", "RB-SF step", "data, one worker"} | classifiers
    for name, row in rows.items():
        low, middle, high = (row[f"pairs_per_s_{name}"] for name in ("min", "median", "max"))
        assert 0 < low <= middle <= high
        data = rows["data, one worker"]["pairs_per_s_median"]
        ratio = None if name in classifiers else pytest.approx(data / middle)
        assert row["data_ratio"] == ratio
    for part in (*rows, figures["machine"], "1 threads", f"torch {torch.__version__}", "fp32"):
        assert part in ended.out
    line = one_line(run("benchmark", "train", *options, "--data", "nowhere"))
    assert "--data nowhere: there is no such folder" in line
