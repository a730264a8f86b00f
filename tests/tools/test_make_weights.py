"""The whole chain of the shipped weights on toy data: stopped, continued, and not trained twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from tiny_data import write_got10k, write_voc
from tool_runs import tool_runs

from rbsf.engine.format import read_packed
from rbsf.files.checkpoint import load_checkpoint
from rbsf.files.networks import load_network
from rbsf.nn import AlexNetV1, BinaryAlexNetV1

COMMON = {
    "epochs": 1, "batch": 2, "workers": 0, "precision": "fp32", "checkpoint_steps": 1,
    "data": {
        "sources": [{"kind": "got10k", "path": "got10k"}, {"kind": "voc", "path": "voc"}],
        "pairs_per_epoch": 4, "filter": {"min_side": 5, "max_share": 0.9},
    },
}  # fmt: skip
STUDENT = {"init": "teacher", "search_map_stride": 2, "discriminator_layers": ["conv5"]}
CONFIGS = {
    "siamfc_toy": {**COMMON, "data": {**COMMON["data"], "hold_out": 2}},
    "rbsf_toy": {**COMMON, **STUDENT},
    "xnor_sf_toy": {
        **COMMON, "weights": "xnor", "activations": "clipped", "adversarial_loss": {"value": 0}
    },
}  # fmt: skip
HASH = "0" * 64
CARD = "".join(
    f"| `{name}` | | 1 bytes | `{HASH}` |\n" for name in ("rbsf.rbsf", "siamfc.safetensors")
)
STOP = """
import os, signal
from rbsf.train.log import Log
before = Log.step
def step(self, number, losses):
    before(self, number, losses)
    if "rbsf_toy" in str(self.folder) and number == 1:
        os.killpg(0, signal.SIGINT)
Log.step = step
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_got10k(folder / "data", sequences=3, frames=7)
    write_voc(folder / "data", 2)
    (folder / "configs").mkdir()
    for name, config in CONFIGS.items():
        (folder / "configs" / f"{name}.yaml").write_text(yaml.safe_dump(config))
    (folder / "out").mkdir()
    (folder / "out" / "README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    with tool_runs(folder) as runs:
        yield runs


WORDS = ("--data", "data", "--output", "out", "--configs", "configs", "--size", "toy")


def test_the_chain_goes_on_where_it_was_stopped_and_trains_nothing_twice(run, folder):
    stopped = run("make_weights", *WORDS, first=STOP)
    assert stopped.status == 130, stopped.err
    assert not list((folder / "out").glob("*.safetensors"))
    teacher = (folder / "runs/siamfc_toy/final.safetensors").stat().st_mtime_ns
    ended = run("make_weights", *WORDS)
    assert ended.status == 0, ended.err
    assert (
        "runs/siamfc_toy is trained already" in ended.err
        and "resuming from runs/rbsf_toy" in ended.err
    )
    assert (folder / "runs/siamfc_toy/final.safetensors").stat().st_mtime_ns == teacher

    out, card = folder / "out", (folder / "out" / "README.md").read_text()
    files = {file.name for file in out.iterdir()} - {"README.md"}
    assert files == {
        "siamfc.safetensors", "rbsf.safetensors", "rbsf.rbsf", "xnor_sf.safetensors", "xnor_sf.rbsf"
    }  # fmt: skip
    for name in ("rbsf.rbsf", "siamfc.safetensors"):
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() in card
    assert isinstance(load_network(out / "siamfc.safetensors").backbone, AlexNetV1)
    for name, weights in (("rbsf", "rbcn"), ("xnor_sf", "xnor")):
        assert isinstance(load_network(out / f"{name}.safetensors").backbone, BinaryAlexNetV1)
        packed = read_packed(out / f"{name}.rbsf").metadata
        assert packed["config"]["weights"] == weights
        digest = hashlib.sha256((out / f"{name}.safetensors").read_bytes()).hexdigest()
        assert packed["source_sha256"] == digest
    # the teacher was measured on the tracks that it held out; its best epoch guides the student
    guide = load_checkpoint(out / "rbsf.safetensors").header["config"]["teacher"]
    assert guide == "runs/siamfc_toy/best.safetensors"
    assert load_checkpoint(folder / guide).header["metrics"].keys() >= {"ao", "step_iou"}

    again = run("make_weights", *WORDS)
    assert again.status == 0 and again.err.count("is trained already") == 3
    assert (out / "README.md").read_text() == card


def test_a_changed_configuration_is_not_mistaken_for_the_trained_one(run, folder):
    file = folder / "configs" / "xnor_sf_toy.yaml"
    file.write_text(yaml.safe_dump({**CONFIGS["xnor_sf_toy"], "c_rate": 0.5}))
    ended = run("make_weights", *WORDS)
    assert ended.status == 2 and "begun with c_rate = 0.1, now it is 0.5" in ended.err


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("--size", "huge"), "there is no configs/siamfc_huge.yaml"),
        (("--data", "no"), "--data no:"),
    ],
)
def test_bad_input_is_one_line(run, changed, reason):
    ended = run("make_weights", *WORDS, *changed)
    assert ended.status == 2 and reason in ended.err.splitlines()[-1]
