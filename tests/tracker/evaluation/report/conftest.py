"""The results of three trackers, made once for all tests of the report."""

from pathlib import Path

import pytest
from result_folders import evaluate_into, write_dataset

from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.study import Study, make_study


@pytest.fixture(scope="package")
def data(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="package")
def folder(data, tmp_path_factory) -> Path:
    return evaluate_into(tmp_path_factory.mktemp("results") / "first", data)


@pytest.fixture(scope="package")
def study(folder) -> Study:
    return make_study(read_entries([folder]), focus="leaping")
