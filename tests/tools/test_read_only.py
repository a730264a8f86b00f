"""Folders and files that a user may not write or read: one line each, and nothing is left."""

from __future__ import annotations

import os
import shutil

import pytest
import yaml
from benchmark_folders import walk, write_otb
from clip_files import flat, write_clip
from tiny_data import write_got10k
from tool_runs import tool_runs

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root cannot lower its rights"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read_only")
    write_got10k(folder / "data")
    write_otb(folder / "otb", "A", [walk(3)], 3)
    data = {"sources": [{"kind": "got10k", "path": "got10k"}], "pairs_per_epoch": 2}
    config = {"epochs": 1, "batch": 2, "workers": 0, "data": data}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    write_clip(folder / "clip.mp4", [flat(index) for index in range(3)])
    (folder / "sealed").mkdir(mode=0o555)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    with tool_runs(folder, as_ordinary_user=True) as runs:
        yield runs


TRAIN = ("train_siamfc", "--config", "config.yaml", "--data", "data")
TRACK = ("track", "--video", "clip.mp4", "--bbox", "8,8,24,24")


@pytest.mark.parametrize(
    "words",
    [
        (*TRAIN, "--output", "sealed/run"),
        (*TRAIN, "--output", "sealed"),
        (*TRAIN, "--cache", "sealed/cache", "--output", "run"),
        ("build_cache", "--config", "config.yaml", "--data", "data", "--cache", "sealed"),
        ("evaluate", "--dataset", "otb", "--root", "otb", "--output", "sealed/out"),
        (*TRACK, "--output", "sealed/a.mp4"),
        (*TRACK, "--save-boxes", "sealed/a.csv"),
        (*TRACK, "--save-boxes", "sealed/a.jsonl"),
    ],
)
def test_a_folder_that_may_not_be_written_is_named_in_one_line(run, folder, words):
    ended = run(*words)
    assert ended.status == 2, ended.err
    (line,) = [line for line in ended.err.splitlines() if line.strip()]
    assert line.startswith(("error: cannot write sealed", "error: cannot make folder sealed"))
    assert not list((folder / "sealed").iterdir()) and not (folder / "run").exists()


def test_a_cache_that_is_complete_need_not_be_written(run, folder):
    cache = ("--cache", "shared")
    assert run("build_cache", "--config", "config.yaml", "--data", "data", *cache).status == 0
    for path in [folder / "shared", *(folder / "shared").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    ended = run(*TRAIN, *cache, "--output", "from_shared")
    assert ended.status == 0, ended.err
    assert (folder / "from_shared" / "final.safetensors").exists()


def test_data_that_may_not_be_read_is_named_in_one_line(run, folder):
    split = folder / "data" / "got10k" / "train"
    split.chmod(0)
    try:
        ended = run(*TRAIN, "--cache", "other", "--output", "run")
    finally:
        split.chmod(0o755)
    assert ended.status == 2, ended.err
    (line,) = [line for line in ended.err.splitlines() if line.strip()]
    assert line.startswith("error: cannot read data/got10k/train")
    assert line.endswith("Permission denied")
