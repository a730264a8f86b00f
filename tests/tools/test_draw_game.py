"""The picture of the adversarial game: from a run's log and back from the file beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tool_runs import ROOT, tool_runs
from torch.utils.tensorboard import SummaryWriter

HEAD = "run,step,map_distance,grad_task,grad_adversarial,d_right_real,d_right_fake"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logs, of a run with an adversary and of one without."""
    folder = tmp_path_factory.mktemp("game")
    for name, scalars in {
        "with": {"epoch/map_distance": 1.5, "grad/response": 0.02, "grad/adversarial": 0.01,
                 "d_right/real": 0.75, "d_right/fake": 0.5},
        "without": {"epoch/map_distance": 1.75, "grad/response": 0.02},
    }.items():  # fmt: skip
        writer = SummaryWriter(str(folder / name))
        for step in (10, 20):
            for tag, value in scalars.items():
                writer.add_scalar(tag, value * 10 / step, step)
        writer.close()
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    with tool_runs(folder) as runs:
        yield runs


def test_the_file_beside_the_picture_holds_what_was_logged(run, folder: Path):
    ended = run("draw_game", "with", "without", "--output", "game.png")
    assert ended.status == 0, ended.err
    text = (folder / "game.csv").read_text()
    assert text.splitlines() == [
        HEAD,
        "with,10,1.5,0.02,0.01,0.75,0.5",
        "with,20,0.75,0.01,0.005,0.375,0.25",
        "without,10,1.75,0.02,,,",
        "without,20,0.875,0.01,,,",
    ]
    assert (folder / "game.png").stat().st_size > 10_000
    again = run("draw_game", "game.csv", "--output", "again.svg")
    assert again.status == 0, again.err
    assert (folder / "again.csv").read_text() == text


def test_a_folder_without_a_log_is_named(run, folder: Path):
    (folder / "empty").mkdir()
    ended = run("draw_game", "empty", "--output", "game.png")
    assert ended.status == 2 and "empty holds no log of a student" in ended.err


def test_the_shipped_curves_show_that_the_adversary_draws_t_to_r():
    """With it the distance of the maps falls, without it it does not; and D neither wins nor
    sleeps."""
    curves = (ROOT / "docs/pictures/adversarial-game.csv").read_text()
    rows = list(csv.DictReader(curves.splitlines()))
    runs: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        runs.setdefault(row["run"], []).append(row)
    adversary, control = list(runs.values())[:2]
    fall = [
        float(r[-1]["map_distance"]) - float(r[0]["map_distance"]) for r in (adversary, control)
    ]
    assert fall[0] < -0.05 and fall[1] > fall[0] + 0.05
    for row in adversary[1:]:
        assert 0.1 < float(row["grad_adversarial"]) / float(row["grad_task"]) < 10
        assert 0.5 < (float(row["d_right_real"]) + float(row["d_right_fake"])) / 2 < 0.9
