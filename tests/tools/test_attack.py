"""`make attack` runs every class of attack that the tests have, and says what was mishandled."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from tool_runs import ROOT, tool_runs

sys.path.append(str(ROOT / "tools"))
attack = importlib.import_module("attack")

DEATHS = dedent("""
    import os, signal

    def attack_with_death(folder, count, seed):
        (folder / "last").write_text("x")
        os.kill(os.getpid(), signal.SIGSEGV)

    def attack_with_faults(folder, count, seed):
        return [f"fault {number} of seed {seed}" for number in range(count)]
""")


def test_every_attack_of_the_tests_has_a_count() -> None:
    attacks = attack.find_attacks()
    assert {"boxes", "packed-files-3", "pth-files", "settings-files", "videos"} <= set(attacks)
    assert set(attacks) == set(attack.LONG)


def test_an_attack_that_dies_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "test_deaths.py").write_text(DEATHS)
    file = tmp_path / "test_deaths.py"
    dying = attack.Attack("death", file, "attack_with_death")
    (fault,), _ = attack.run(dying, tmp_path / "death", 1, 0)
    assert "ended with SIGSEGV" in fault and (tmp_path / "death" / "files" / "last").is_file()
    faulty = attack.Attack("faults", file, "attack_with_faults")
    faults, _ = attack.run(faulty, tmp_path / "faults", 2, 7)
    assert faults == ["fault 0 of seed 7", "fault 1 of seed 7"]


@pytest.fixture
def tool(tmp_path: Path):
    with tool_runs(tmp_path) as runs:
        yield runs


def test_the_command_counts_what_it_tries(tool) -> None:
    ended = tool("attack", "--only", "boxes", "--scale", "0.005")
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[0].split()[:4] == ["boxes", "50", "tried", "0"]
    assert ended.out.endswith("0 mishandled (seed 0)\n")


def test_an_unknown_class_is_one_line(tool) -> None:
    ended = tool("attack", "--only", "bokses")
    assert ended.status == 2
    assert "no attack is called bokses: there is boxes" in ended.err
