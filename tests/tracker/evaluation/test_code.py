"""An edit of what decides a box makes results stale; an edit of anything else does not."""

import shutil
from pathlib import Path

import pytest

from tracker.evaluation.code import code_hash

ROOT = Path(__file__).parents[3]


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for package in ("rbsf", "tracker"):
        ignored = shutil.ignore_patterns("weights", "__pycache__", "src")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


@pytest.mark.parametrize(
    "file",
    [
        "tracker/loop/tracker.py",
        "tracker/loop/config.py",
        "tracker/evaluation/runner.py",
        "rbsf/geometry.py",
        "rbsf/files/image.py",
        "rbsf/nn/backbone.py",
        "rbsf/binarize/sign.py",
        "rbsf/engine/packed.py",
    ],
)
def test_an_edit_that_moves_boxes_makes_results_stale(packages: Path, file: str):
    before = code_hash(packages)
    (packages / file).write_text((packages / file).read_text() + "\n# edited\n")
    assert code_hash(packages) != before


def test_a_new_file_in_the_loop_makes_results_stale(packages: Path):
    before = code_hash(packages)
    (packages / "tracker/loop/memory.py").write_text("SIZE = 3\n")
    assert code_hash(packages) != before


@pytest.mark.parametrize(
    "file",
    [
        "tracker/output/window.py",
        "tracker/video/files.py",
        "tracker/session.py",
        "tracker/evaluation/report/page.py",
        "rbsf/train/loop.py",
    ],
)
def test_an_edit_that_moves_no_box_keeps_results(packages: Path, file: str):
    before = code_hash(packages)
    (packages / file).write_text((packages / file).read_text() + "\n# edited\n")
    assert code_hash(packages) == before


def test_the_running_code_is_that_of_this_repository():
    assert code_hash() == code_hash(ROOT)
