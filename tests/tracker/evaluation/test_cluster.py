"""An evaluation on a Dask cluster, which here is two processes on this machine."""

import warnings

import pytest
from benchmark_folders import DriftingTracker, walk, write_otb

from rbsf.errors import InputError
from tracker.evaluation.archive import Archive
from tracker.evaluation.cluster import dask_cluster
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.runner import evaluate_tracker


@pytest.fixture
def address():
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
    ):
        warnings.simplefilter("ignore")
        yield cluster.scheduler_address


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_boxes(tmp_path, address):
    for number, name in enumerate("ABC"):
        write_otb(tmp_path / "otb", name, [walk(6, seed=number)], 6)
    dataset = load_dataset("otb", tmp_path / "otb")
    alone = evaluate_tracker(DriftingTracker, dataset)
    with dask_cluster(address):
        archive = Archive(tmp_path / "out", {})
        together = evaluate_tracker(DriftingTracker, dataset, workers=-1, archive=archive)
    assert together.overall == alone.overall
    assert together.fps is None
    assert len(list((tmp_path / "out" / "boxes").iterdir())) == 3


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_one_line():
    pytest.importorskip("distributed")
    message = r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"
    with pytest.raises(InputError, match=message), dask_cluster("tcp://127.0.0.1:1"):
        pass
