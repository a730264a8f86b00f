"""Readers and figures equal those of the got10k toolkit, run on the same folders."""

from pathlib import Path

import numpy as np
import pytest
from benchmark_folders import DriftingTracker, walk, write_got10k, write_otb

from tracker.evaluation.archive import Archive
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.results import Results
from tracker.evaluation.runner import evaluate_tracker


def evaluated(name: str, root: Path, folder: Path) -> Results:
    return evaluate_tracker(
        DriftingTracker, load_dataset(name, root), archive=Archive(folder / "drift", {})
    )


def test_otb_equals_the_toolkit(tmp_path):
    from got10k.datasets import OTB
    from got10k.experiments import ExperimentOTB

    root = tmp_path / "otb"
    write_otb(root, "Girl", [walk(40, seed=1)], 40, separator="\t")
    write_otb(root, "Jogging", [walk(30, seed=2), walk(30, seed=3)], 30)
    write_otb(root, "Football1", [walk(74, seed=4)], 76, separator=" ")
    results = evaluated("otb", root, tmp_path)

    toolkit = ExperimentOTB.__new__(ExperimentOTB)  # its constructor downloads
    toolkit.dataset = OTB(str(root), version=2013, download=False)
    toolkit.nbins_iou, toolkit.nbins_ce = 21, 51
    toolkit.result_dir, toolkit.report_dir = str(tmp_path), str(tmp_path / "toolkit")
    toolkit.plot_curves = lambda names: None
    for path in (tmp_path / "drift" / "boxes").iterdir():
        path.rename(tmp_path / "drift" / path.name)
    expected = toolkit.report(["drift"])["drift"]

    assert sorted(results.trajectories) == sorted(toolkit.dataset.seq_names)
    for sequence in results.dataset.sequences:
        frames, _ = toolkit.dataset[sequence.name]
        assert [str(path) for path in sequence.frames] == frames
        scores, theirs = results.scores[sequence.name], expected["seq_wise"]
        figures = theirs[sequence.name]
        assert scores.success_auc == pytest.approx(figures["success_score"], abs=1e-9)
        assert scores.precision_20px == pytest.approx(figures["precision_score"], abs=1e-9)
    overall = expected["overall"]
    assert results.success_curve == pytest.approx(overall["success_curve"], abs=1e-9)
    assert results.precision_curve == pytest.approx(overall["precision_curve"], abs=1e-9)
    assert 0.1 < results.overall.success_auc < 0.9  # the comparison is of something


def test_got10k_equals_the_toolkit(tmp_path):
    from got10k.experiments import ExperimentGOT10k

    root = tmp_path / "got10k"
    hidden = [8] * 10 + [0] * 10 + [3] * 20
    write_got10k(root, "GOT-10k_Val_000001", walk(40, seed=5), hidden)
    write_got10k(root, "GOT-10k_Val_000002", walk(25, seed=6) + 0.1234, [8] * 25)
    results = evaluated("got10k-val", root, tmp_path)

    toolkit = ExperimentGOT10k(str(root), "val", str(tmp_path), str(tmp_path / "toolkit"))
    toolkit.plot_curves = lambda files, names: None
    for path in (tmp_path / "drift" / "boxes").iterdir():
        folder = tmp_path / "GOT-10k" / "drift" / path.stem
        folder.mkdir(parents=True)
        path.rename(folder / f"{path.stem}_001.txt")
        np.savetxt(
            folder / f"{path.stem}_time.txt",
            np.ones(len(np.loadtxt(folder.joinpath(f"{path.stem}_001.txt"), delimiter=","))),
        )
    expected = toolkit.report(["drift"])["drift"]

    for name, figures in expected["seq_wise"].items():
        scores = results.scores[name]
        assert scores.ao == pytest.approx(figures["ao"], abs=1e-9)
        assert scores.sr50 == pytest.approx(figures["sr"], abs=1e-9)
    assert results.frame_weighted["ao"] == pytest.approx(expected["overall"]["ao"], abs=1e-9)
    assert results.frame_weighted["sr50"] == pytest.approx(expected["overall"]["sr"], abs=1e-9)
    assert 0.1 < results.overall.ao < 0.9
