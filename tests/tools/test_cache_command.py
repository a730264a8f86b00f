"""`rbsf cache`: it says what it made, and a training then finds everything made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from tiny_data import write_got10k, write_voc
from tool_runs import tool_runs

DATA = {
    "sources": [{"path": "got10k"}, {"kind": "voc", "path": "voc"}],
    "crop": {"frames": 2},
    "filter": {"min_side": 10},
    "pairs_per_epoch": 2,
}
CONFIG = {"epochs": 1, "batch": 2, "workers": 0, "precision": "fp32", "data": DATA}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("caching")
    write_got10k(folder / "data", sequences=2, frames=5)
    write_voc(folder / "data", 2)
    (folder / "run.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    with tool_runs(folder) as runs:
        yield runs


OPTIONS = ("--config", "run.yaml", "--data", "data", "--cache", "crops")


def test_it_makes_all_that_a_training_needs(run, folder):
    (folder / "data" / "voc" / "JPEGImages" / "photo1.jpg").write_bytes(b"no image")
    ended = run("build_cache", *OPTIONS)
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == [
        "got10k: 4 crops of 2 targets, 0.00 GB in crops",
        "voc: 1 crops of 1 targets, 0.00 GB in crops",
    ]
    assert "got10k: making 4 crops of 2 targets, about 0.0 MB" in ended.err
    assert "voc: 1 damaged images skipped: JPEGImages/photo1.jpg" in ended.err
    made = {f: f.stat().st_mtime_ns for f in folder.glob("crops/*/*") if f.suffix}
    trained = run("train_siamfc", *OPTIONS, "--output", "run")
    assert trained.status == 0, trained.err
    assert "making" not in trained.err and "damaged" in trained.err
    assert {f: f.stat().st_mtime_ns for f in folder.glob("crops/*/*") if f.suffix} == made


def test_after_a_kill_it_goes_on(run, folder):
    kill = """
import os, signal
from rbsf.files import atomic
publish = atomic.publish
def dying(partial, path):
    if made.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    made.touch()
    publish(partial, path)
atomic.publish = dying
from pathlib import Path
made = Path("made.once")
from rbsf.data import cache
cache.usable_cores = lambda: 1
"""
    again = (*OPTIONS[:-1], "killed")
    assert run("build_cache", *again, first=kill).status == -9
    (file,) = folder.glob("killed/got10k-*/*.safetensors")
    written = file.stat().st_mtime_ns
    ended = run("build_cache", *again)
    assert ended.status == 0, ended.err
    assert "got10k: making 2 crops of 1 targets" in ended.err
    assert file.stat().st_mtime_ns == written
    assert not list(folder.glob("killed/*/.*.part"))


@pytest.mark.parametrize("config", ["rbsf.yaml", "siamfc.yaml", "rbsf_box.yaml"])
def test_it_reads_what_any_training_is_set_by(run, folder, config):
    """The sources differ; here it is enough that the first one is what is missing."""
    (folder / "hollow").mkdir(exist_ok=True)
    config = Path(__file__).parents[2] / "configs" / config
    ended = run("build_cache", "--config", config, "--data", "hollow")
    assert ended.status == 2 and "no data at hollow/got10k" in ended.err


def test_a_mistake_in_the_settings_is_one_line(run, folder):
    (folder / "wrong.yaml").write_text(yaml.safe_dump({"data": {"sorces": []}}))
    ended = run("build_cache", "--config", "wrong.yaml")
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert "wrong.yaml, data: unknown key sorces; did you mean sources?" in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_is_named(run, folder):
    (folder / "sealed").mkdir(mode=0o555)
    ended = run("build_cache", *OPTIONS[:-1], "sealed/crops")
    assert ended.status == 2 and "cannot make folder sealed/crops" in ended.err
