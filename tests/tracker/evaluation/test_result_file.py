"""results.json and the printed table say what they are of."""

import json

import numpy as np
import pytest
from benchmark_folders import DriftingTracker, StandingTracker, walk, write_got10k, write_otb

from tracker.evaluation.contenders import Contender
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.result_file import Outcome, as_json, write_results
from tracker.evaluation.runner import evaluate_tracker
from tracker.evaluation.table import print_table

FIGURES = {"ao", "sr50", "sr75", "success_auc", "precision_20px", "norm_precision", "fps"}
COMMAND = "python tools/evaluate.py --dataset otb"


def outcomes_on(dataset, workers=1):
    trackers = {"standing": StandingTracker, "drifting": DriftingTracker}
    return [
        Outcome(
            Contender(name, "torch", name[0] * 64, {"scales": 3}, make),
            evaluate_tracker(make, dataset, workers=workers),
            COMMAND,
            threads=2,
        )
        for name, make in trackers.items()
    ]


@pytest.fixture
def otb(tmp_path):
    folder = write_otb(tmp_path / "otb", "A", [walk(40)], 40)
    (folder / "attrs.txt").write_text("SV, DEF")
    write_otb(tmp_path / "otb", "B", [walk(45, seed=1)], 45)
    write_otb(tmp_path / "otb", "Short", [walk(9)], 6)
    return load_dataset("otb", tmp_path / "otb")


def test_results_json_is_the_contract(otb, tmp_path):
    path = write_results(outcomes_on(otb)[0], tmp_path)
    assert path == tmp_path / "standing" / "results.json"
    found = json.loads(path.read_text())
    assert found["dataset"] == "otb" and found["tracker"] == "standing"
    assert found["root"] == str(tmp_path / "otb") and found["protocol"] == "ope"
    assert found["weights_sha256"] == "s" * 64 and found["engine"] == "torch"
    assert found["threads"] == 2 and found["machine"] and found["date"]
    assert set(found["overall"]) == FIGURES and list(found["sequences"]) == ["A", "B"]
    for name, frames, attributes in (("A", 40, ["SV", "DEF"]), ("B", 45, [])):
        figures = found["sequences"][name]
        assert set(figures) == FIGURES | {"frames", "attributes"}
        assert (figures["frames"], figures["attributes"]) == (frames, attributes)
    for figure in FIGURES - {"fps"}:
        mean = np.mean([found["sequences"][name][figure] for name in "AB"])
        assert found["overall"][figure] == pytest.approx(mean)
    assert found["listed"] == 3
    assert found["left_out"] == [{"sequence": "Short", "reason": "6 images for 9 boxes"}]
    assert found["command"] == COMMAND and found["config"] == {"scales": 3}
    assert "frame_weighted" not in found


@pytest.mark.parametrize(("protocol", "starts"), [("sre", 12), ("tre", 20)])
def test_a_protocols_figures_are_means_over_its_starts(otb, protocol, starts):
    found = as_json(outcomes_on(otb.under(protocol))[1])
    assert found["protocol"] == protocol
    by_start = {}
    for figures in found["sequences"].values():
        assert len(figures["starts"]) == starts
        mean = np.mean([start["ao"] for start in figures["starts"].values()])
        assert figures["ao"] == pytest.approx(mean)
        for name, start in figures["starts"].items():
            by_start.setdefault(name, []).append(start["ao"])
    means = [np.mean(values) for values in by_start.values()]
    spread = found["overall"]["spread"]["ao"]
    assert spread["mean"] == pytest.approx(np.mean(means)) == pytest.approx(found["overall"]["ao"])
    assert spread["std"] == pytest.approx(np.std(means)) and spread["std"] > 0
    assert (spread["min"], spread["max"]) == (min(means), max(means))
    assert set(found["overall"]["spread"]) == FIGURES - {"fps"}


def test_tables_name_data_protocol_weights_and_command(otb, capsys):
    outcomes = outcomes_on(otb)
    print_table(outcomes)
    text = capsys.readouterr().out
    assert "otb, every sequence found (2 of 3 sequences): one-pass evaluation (OPE)" in text
    assert "s" * 12 in text and "d" * 12 in text
    assert COMMAND in text and "Threads: 2." in text
    assert f"{outcomes[0].results.overall.ao:.3f}" in text
    assert "2 of 3" in text


def test_tables_give_the_spread_between_starts(otb, capsys):
    outcomes = outcomes_on(otb.under("sre"))
    print_table(outcomes)
    shown = capsys.readouterr().out
    assert "spatial robustness evaluation (SRE)" in shown and "± over 12 starts" in shown
    assert f"{outcomes[0].results.spread['ao'].std:.3f}" in shown


def test_got10k_also_has_the_servers_averages(tmp_path, capsys):
    write_got10k(tmp_path, "long", walk(30), [8] * 30)
    write_got10k(tmp_path, "short", walk(4, seed=3), [8] * 4)
    (outcome, _) = outcomes_on(load_dataset("got10k-val", tmp_path))
    by_sequence = as_json(outcome)["sequences"]
    weighted = (29 * by_sequence["long"]["ao"] + 3 * by_sequence["short"]["ao"]) / 32
    assert as_json(outcome)["frame_weighted"]["ao"] == pytest.approx(weighted)
    assert as_json(outcome)["overall"]["ao"] != pytest.approx(weighted)
    print_table([outcome])
    shown = capsys.readouterr().out.splitlines()
    (line,) = (line for line in shown if line.startswith("- over all frames"))
    assert f"{weighted:.3f}" in line


def test_speed_of_a_parallel_run_is_left_open(otb, capsys):
    outcomes = outcomes_on(otb, workers=2)
    assert as_json(outcomes[0])["overall"]["fps"] is None
    print_table(outcomes)
    text = "No fps: not all ran alone; --workers 1 and a new --output measure it."
    assert text in capsys.readouterr().out


def test_figures_of_nothing_are_null(otb, capsys):
    def make():
        raise OSError("no weights")

    results = evaluate_tracker(make, otb)
    outcome = Outcome(Contender("none", "torch", None, {}, make), results, COMMAND)
    found = as_json(outcome)
    assert set(found["overall"].values()) == {None} and found["sequences"] == {}
    assert [item["sequence"] for item in found["left_out"]] == ["Short", "A", "B"]
    print_table([outcome])
    assert "0 of 3" in capsys.readouterr().out
