"""The benchmark command as a user meets it."""

from __future__ import annotations

import json

import pytest
from tool_runs import ROOT, tool_runs


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
