"""The benchmark command as a user meets it."""

from __future__ import annotations

import json

import pytest
from tool_runs import ROOT, tool_runs

from tracker.commands.benchmark import classify


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    with tool_runs(tmp_path_factory.mktemp("benchmark")) as runs:
        yield runs


def test_figures_are_printed_and_written(run):
    ended = run("benchmark", "--only", "memory", "--repeats", "1", "--json", "speed.json")
    assert ended.status == 0, ended.err
    figures = json.loads((run.folder / "speed.json").read_text())
    assert {"threads", "machine", "rows", "memory", "weights_sha256", "command"} <= set(figures)
    assert figures["threads"] == 1 and figures["rows"] == []
    assert figures["command"].endswith("--only memory --repeats 1 --json speed.json")
    assert f"{figures['memory']['peak_mb']:.0f} MB from Python" in ended.out
    assert f"rbsf imported from {ROOT / 'rbsf'}" in ended.out
    assert figures["machine"]["cpu"] in ended.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--video", "clip.mp4"), "--video and --bbox x,y,w,h go together"),
        (("--bbox", "1,2,3,4"), "--video and --bbox x,y,w,h go together"),
        (("--video", "no.mp4", "--bbox", "1,2,3,4"), "no.mp4"),
        (("--json", "no/speed.json"), "there is no folder no"),
        (("--plot", "no/speed.png"), "there is no folder no"),
        (("--plot", "speed.bmp2"), "must end in .pdf, .png or .svg"),
        (("--threads", "0"), "--threads"),
        (("--only", "gpu"), "gpu"),
    ],
)
def test_bad_input_is_one_line(run, words, why):
    ended = run("benchmark", *words)
    assert ended.status == 2
    assert why in ended.err and ended.err.count("\n") == 1 and "Traceback" not in ended.err
    assert ended.out == ""


def test_classify_times_a_resnet_beside_its_flops(tmp_path, monkeypatch):
    monkeypatch.setattr("tracker.benchmark.machine.restart_with_threads", lambda threads: None)
    monkeypatch.setattr("tracker.benchmark.machine.set_threads", lambda threads: None)
    monkeypatch.setattr("tracker.benchmark.classify._rivals", lambda *_: ({}, ["no rivals"]))
    file = tmp_path / "classify.json"
    classify(threads=1, repeats=1, side=32, output=file)
    figures = json.loads(file.read_text())
    assert [row["name"] for row in figures["rows"]] == ["packed"]
    layers = figures["layers"]
    assert [row["name"] for row in layers if row["kind"] == "real"] == [
        "layer2.0.conv1 around", "layer3.0.conv1 around", "layer4.0.conv1 around", "fc",
    ]  # fmt: skip
    assert sum(row["kind"] == "binary" for row in layers) == 16
    assert sum(row["flops"] for row in layers) == pytest.approx(1)
    assert layers[0]["gmac"] == pytest.approx(16**2 * 64 * 147 / 1e9)
