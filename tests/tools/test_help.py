"""Every tool explains itself, with examples, from any directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from tool_runs import ROOT, tool_runs

TOOLS = sorted(file.stem for file in (ROOT / "tools").glob("*.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    with tool_runs(tmp_path_factory.mktemp("elsewhere")) as runs:
        yield runs


def test_there_are_tools():
    assert {"benchmark", "demo", "evaluate", "track", "train_rbsf", "train_siamfc"} <= set(TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_help_has_examples(run, tool):
    ended = run(tool, "--help")
    assert ended.status == 0, ended.err
    assert ended.err == ""
    assert "Usage:" in ended.out and "Examples" in ended.out
    assert f"python tools/{tool}.py" in ended.out


def test_a_benchmarks_help_has_examples(run):
    ended = run("benchmark", "train", "--help")
    assert ended.status == 0 and "python tools/benchmark.py train --data" in ended.out


@pytest.mark.parametrize("tool", TOOLS)
def test_an_unknown_option_is_one_line_and_status_2(run, tool):
    ended = run(tool, "--no-such-option")
    assert ended.status == 2
    assert ended.out == "" and ended.err.count("\n") == 1
    assert "--no-such-option" in ended.err and "Traceback" not in ended.err


def test_nothing_is_left_behind(run):
    assert {file.name for file in Path(run.folder).iterdir()} == {"stdout.txt", "stderr.txt"}
