"""The zip for GOT-10k's server, as its toolkit makes it, and the faults that are found in it."""

import zipfile

import numpy as np
import pytest
from benchmark_folders import DriftingTracker, write_got10k_test

from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.runner import evaluate_tracker
from tracker.evaluation.submission import faults, write_submission

NAMES = [f"GOT-10k_Test_{number:06d}" for number in range(1, 181)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("got10k")
    for name in NAMES:
        write_got10k_test(root, name, 3, [3, 4, 20, 10])
    return evaluate_tracker(DriftingTracker, load_dataset("got10k-test", root))


def test_a_whole_submission_has_no_faults_and_the_toolkits_members(results, tmp_path):
    path = tmp_path / "drift.zip"
    assert write_submission(path, results) == []
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        assert len(members) == 360
        assert {name.partition("/")[0] for name in members} == set(NAMES)
        boxes = archive.read(f"{NAMES[0]}/{NAMES[0]}_001.txt").decode().splitlines()
        times = archive.read(f"{NAMES[0]}/{NAMES[0]}_time.txt").decode().splitlines()
    assert boxes == ["3.000,4.000,20.000,10.000", "3.333,4.250,20.125,10.000",
                     "3.667,4.500,20.250,10.000"]  # fmt: skip
    assert len(times) == 3 and all(float(time) >= 0 for time in times)


def test_members_are_those_of_the_toolkits_own_zip(results, tmp_path):
    from got10k.utils.ioutils import compress

    ours = tmp_path / "ours.zip"
    write_submission(ours, results)
    with zipfile.ZipFile(ours) as archive:
        archive.extractall(tmp_path / "drift")
    compress(str(tmp_path / "drift"), str(tmp_path / "theirs"))
    with zipfile.ZipFile(ours) as a, zipfile.ZipFile(tmp_path / "theirs.zip") as b:
        files = [name for name in b.namelist() if not name.endswith("/")]
        assert sorted(a.namelist()) == sorted(files)


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    write_submission(tmp_path / "a.zip", results)
    write_submission(tmp_path / "b.zip", results)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def write(path, folders, boxes="1.000,2.000,3.000,4.000\n", times="0.01000000\n"):
    with zipfile.ZipFile(path, "w") as archive:
        for name in folders:
            archive.writestr(f"{name}/{name}_001.txt", boxes)
            archive.writestr(f"{name}/{name}_time.txt", times)


@pytest.mark.parametrize(
    ("boxes", "times", "fault"),
    [
        ("1,2,3,4\n", "0.01000000\n", "a has '1,2,3,4' among its boxes"),
        ("nan,nan,nan,nan\n", "0.01000000\n", "a has 'nan,nan,nan,nan' among its boxes"),
        ("1.000,2.000,3.000,4.000\n" * 2, "0.01000000\n", "a has 2 boxes for 1 frames"),
        ("1.000,2.000,3.000,4.000\n", "", "a has 0 times for 1 frames"),
        ("1.000,2.000,3.000,4.000\n", "soon\n", "a has 'soon' among its times"),
    ],
)
def test_a_fault_is_found(tmp_path, boxes, times, fault):
    write(tmp_path / "x.zip", ["a"], boxes, times)
    assert faults(tmp_path / "x.zip", {"a": 1}, folders=1) == [fault]


def test_too_few_folders_and_damage_are_found(tmp_path):
    path = tmp_path / "x.zip"
    write(path, ["a", "b"])
    assert faults(path, {"a": 1, "b": 1}) == ["it has 2 folders, not 180"]
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    data[40] ^= 255
    path.write_bytes(data.tobytes())
    assert "damaged" in faults(path, {"a": 1, "b": 1})[0]
