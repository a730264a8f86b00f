"""results.json, tables and plots say what they are of."""

import json

import cv2
import numpy as np
import pytest
from benchmark_folders import DriftingTracker, StandingTracker, walk, write_got10k, write_otb

from tracker.evaluation.contenders import Contender
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.report import Run, markdown, print_table, write_report
from tracker.evaluation.runner import evaluate_tracker

FIGURES = {"ao", "sr50", "sr75", "success_auc", "precision_20px", "fps"}
COMMAND = "python tools/evaluate.py --dataset otb"


def runs_on(dataset, workers=1):
    trackers = {"standing": StandingTracker, "drifting": DriftingTracker}
    return [
        Run(
            Contender(name, "torch", name[0] * 64, {"scales": 3}, make),
            evaluate_tracker(make, dataset, workers=workers),
            COMMAND,
        )
        for name, make in trackers.items()
    ]


@pytest.fixture
def otb(tmp_path):
    write_otb(tmp_path / "otb", "A", [walk(6)], 6)
    write_otb(tmp_path / "otb", "B", [walk(9, seed=1)], 9)
    write_otb(tmp_path / "otb", "Short", [walk(9)], 6)
    return load_dataset("otb", tmp_path / "otb")


def test_results_json_is_the_contract(otb, tmp_path):
    write_report(tmp_path, runs_on(otb))
    found = json.loads((tmp_path / "standing" / "results.json").read_text())
    assert found["dataset"] == "otb" and found["tracker"] == "standing"
    assert found["weights_sha256"] == "s" * 64 and found["engine"] == "torch"
    assert set(found["overall"]) == FIGURES and list(found["sequences"]) == ["A", "B"]
    assert all(set(figures) == FIGURES for figures in found["sequences"].values())
    for figure in FIGURES - {"fps"}:
        mean = np.mean([found["sequences"][name][figure] for name in "AB"])
        assert found["overall"][figure] == pytest.approx(mean)
    assert found["missing"] == ["Short: 6 images for 9 boxes"]
    assert found["command"] == COMMAND and found["config"] == {"scales": 3}
    assert "frame_weighted" not in found


def test_tables_name_data_protocol_weights_and_command(otb, capsys):
    runs = runs_on(otb)
    print_table(runs)
    for text in (markdown(runs), capsys.readouterr().out):
        assert "otb, every sequence found (2 of 3 sequences): OTB one-pass evaluation" in text
        assert "s" * 12 in text and "d" * 12 in text
        assert COMMAND in text
        assert f"{runs[0].results.overall.ao:.3f}" in text
    assert "- Short: 6 images for 9 boxes" in markdown(runs)


def test_got10k_also_has_the_servers_averages(tmp_path):
    write_got10k(tmp_path, "long", walk(30), [8] * 30)
    write_got10k(tmp_path, "short", walk(4, seed=3), [8] * 4)
    (run, _) = runs_on(load_dataset("got10k-val", tmp_path))
    by_sequence = run.as_json()["sequences"]
    weighted = (29 * by_sequence["long"]["ao"] + 3 * by_sequence["short"]["ao"]) / 32
    assert run.as_json()["frame_weighted"]["ao"] == pytest.approx(weighted)
    assert run.as_json()["overall"]["ao"] != pytest.approx(weighted)
    assert "| - over all frames | " + f"{weighted:.3f}" in markdown([run])


def test_speed_of_a_parallel_run_is_left_open(otb):
    runs = runs_on(otb, workers=2)
    assert runs[0].as_json()["overall"]["fps"] is None
    assert "No fps: not all ran alone; --workers 1 and a new --output measure it." in markdown(runs)


def test_plots_hold_a_curve_for_each_tracker(otb, tmp_path):
    write_report(tmp_path, runs_on(otb))
    for name in ("success.png", "precision.png"):
        image = cv2.imread(str(tmp_path / name)).reshape(-1, 3)
        for bgr in ((180, 119, 31), (14, 127, 255)):  # matplotlib's first two colours
            assert (np.abs(image.astype(int) - bgr).max(axis=1) < 8).sum() > 100
