"""Our figures equal those of the got10k toolkit and its experiments, run on the same folders.

The toolkit's experiments are used as they are, with what breaks in release 0.1.3 gone around: the
constructor of ExperimentOTB downloads, and the plots want a screen.
"""

from pathlib import Path

import numpy as np
import pytest
from benchmark_folders import DriftingTracker, walk, write_got10k, write_otb, write_uav123
from got10k.utils import metrics as theirs
from hypothesis import given
from hypothesis import strategies as st

from tracker.evaluation.archive import Archive
from tracker.evaluation.contenders import Contender
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.metrics import compare
from tracker.evaluation.result_file import Outcome
from tracker.evaluation.results import Results
from tracker.evaluation.runner import evaluate_tracker
from tracker.evaluation.table import rows


def evaluated(name: str, root: Path, folder: Path) -> Results:
    """The drifting tracker's results; its boxes lie in `folder / "drift" / "boxes"`."""
    return evaluate_tracker(
        DriftingTracker, load_dataset(name, root), archive=Archive(folder / "drift", {})
    )


def experiment(kind: type, dataset: object, folder: Path) -> dict:
    """What an experiment of the toolkit reports of the boxes that we wrote."""
    toolkit = kind.__new__(kind)
    toolkit.dataset = dataset
    toolkit.nbins_iou, toolkit.nbins_ce = 21, 51
    toolkit.result_dir, toolkit.report_dir = str(folder), str(folder / "toolkit")
    toolkit.plot_curves = lambda names: None
    for path in (folder / "drift" / "boxes").iterdir():
        path.rename(folder / "drift" / path.name)
    return toolkit.report(["drift"])["drift"]


def check(results: Results, dataset: object, expected: dict) -> None:
    """Frames, each sequence's figures, and the curves and figures over all of them."""
    assert sorted(results.trajectories) == sorted(dataset.seq_names)
    for sequence in results.dataset.sequences:
        frames, _ = dataset[sequence.name]
        assert [str(path) for path in sequence.frames] == frames
        scores, figures = results.scores[sequence.name], expected["seq_wise"][sequence.name]
        assert scores.success_auc == pytest.approx(figures["success_score"], abs=1e-9)
        assert scores.precision_20px == pytest.approx(figures["precision_score"], abs=1e-9)
    overall = expected["overall"]
    assert results.success_curve == pytest.approx(overall["success_curve"], abs=1e-9)
    assert results.precision_curve == pytest.approx(overall["precision_curve"], abs=1e-9)
    success, precision = table(results)[4:6]
    assert success == f"{overall['success_score']:.3f}"
    assert precision == f"{overall['precision_score']:.3f}"
    assert 0.02 < results.overall.success_auc < 0.9  # the comparison is of something


def table(results: Results, row: int = 0) -> list[str]:
    """A row of our table."""
    contender = Contender("drift", "none", None, {}, DriftingTracker)
    return rows([Outcome(contender, results, "command")])[row]


BOX = st.tuples(*[st.floats(-50, 150)] * 2, *[st.floats(0.5, 120)] * 2)


@given(st.lists(st.tuples(BOX, BOX), min_size=2, max_size=8))
def test_metrics_equal_the_toolkits(pairs):
    ours, truth = (np.array(boxes) for boxes in zip(*pairs, strict=True))
    found = compare(ours, truth)
    assert found.overlaps == pytest.approx(theirs.rect_iou(ours, truth), abs=1e-9)
    assert found.distances == pytest.approx(theirs.center_error(ours, truth), abs=1e-9)
    cut = theirs.rect_iou(ours.copy(), truth.copy(), bound=(100, 80))  # it edits its inputs
    assert compare(ours, truth, (100, 80)).overlaps == pytest.approx(cut, abs=1e-9)


@pytest.mark.parametrize("version", [2013, "tb50", "tb100"])
def test_otb_equals_the_toolkit(tmp_path, version):
    from got10k.datasets import OTB
    from got10k.experiments import ExperimentOTB

    root = tmp_path / "otb"
    write_otb(root, "Girl", [walk(40, seed=1)], 40, separator="\t")
    two_targets = {2013: "Jogging", "tb50": "Skating2", "tb100": "Jogging"}[version]
    write_otb(root, two_targets, [walk(30, seed=2), walk(30, seed=3)], 30)
    write_otb(root, "David", [walk(471, seed=4)], 770, separator=" ")
    write_otb(root, "Freeman4", [walk(283, seed=4)], 297)
    write_otb(root, "Tiger1", [walk(354, seed=5)], 354)
    name = {2013: "otb2013", "tb50": "otb50", "tb100": "otb100"}[version]
    results = evaluated(name, root, tmp_path)
    dataset = OTB(str(root), version=version, download=False)
    check(results, dataset, experiment(ExperimentOTB, dataset, tmp_path))


def test_uav123_equals_the_toolkit(tmp_path):
    from got10k.datasets import UAV123
    from got10k.experiments import ExperimentUAV123

    root = tmp_path / "uav123"
    write_uav123(root, "bird1_1", "bird1", 1, walk(253, seed=1))
    absent = walk(703, seed=2)
    absent[100:200] = np.nan
    write_uav123(root, "bird1_2", "bird1", 775, absent)
    write_uav123(root, "bike3", "bike3", 1, walk(433, seed=3))
    results = evaluated("uav123", root, tmp_path)
    dataset = UAV123(str(root), version="UAV123")
    check(results, dataset, experiment(ExperimentUAV123, dataset, tmp_path))


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
        times = tmp_path / "drift" / "times" / path.name  # without them its report breaks
        times.rename(folder / f"{path.stem}_time.txt")
    expected = toolkit.report(["drift"])["drift"]

    for name, figures in expected["seq_wise"].items():
        assert results.scores[name].ao == pytest.approx(figures["ao"], abs=1e-9)
        assert results.scores[name].sr50 == pytest.approx(figures["sr"], abs=1e-9)
    overall = expected["overall"]
    assert results.frame_weighted["ao"] == pytest.approx(overall["ao"], abs=1e-9)
    assert results.frame_weighted["sr50"] == pytest.approx(overall["sr"], abs=1e-9)
    assert table(results, 1)[1:3] == [f"{overall['ao']:.3f}", f"{overall['sr']:.3f}"]
    assert 0.1 < results.overall.ao < 0.9
