"""Every example runs as it stands, from another directory, and finds what it is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmark_folders import walk, write_got10k

from rbsf.geometry import Box, iou
from tracker.output.video_file import VideoWriter
from tracker.video.synthetic import RATE, render

EXAMPLES = Path(__file__).parents[2] / "examples"
FRAMES = 8


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    writer = VideoWriter(path)
    for index, (image, _) in enumerate(render(FRAMES, (320, 180))):
        writer.write(image, index / RATE)
    writer.close()
    return path


TRUTH = [box for _, box in render(FRAMES, (320, 180))]
FIRST = [f"{value:.1f}" for value in TRUTH[0]]


def run(name: str, *words: str | Path, folder: Path) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, words)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def overlaps(lines: str) -> list[float]:
    """IoU of the boxes that a program printed, a line a frame from the second one on."""
    rows = [[float(word) for word in line.split()[:4]] for line in lines.splitlines()]
    assert len(rows) == FRAMES - 1
    return [float(iou(Box(*row), box)) for row, box in zip(rows, TRUTH[1:], strict=True)]


def test_every_example_is_run_here_and_listed():
    names = {file.stem for file in EXAMPLES.glob("*.py")}
    listed = (EXAMPLES / "README.md").read_text()
    assert names == {
        "ten_lines",
        "camera",
        "several_targets",
        "own_embedder",
        "with_supervision",
        "in_got10k",
    }
    assert all(f"`{name}.py`" in listed for name in names)


def test_ten_lines(clip: Path, tmp_path: Path):
    assert min(overlaps(run("ten_lines", clip, *FIRST, folder=tmp_path))) > 0.6


def test_own_embedder(clip: Path, tmp_path: Path):
    assert min(overlaps(run("own_embedder", clip, *FIRST, folder=tmp_path))) > 0.3


def test_camera(clip: Path, tmp_path: Path):
    shown = run("camera", clip, *FIRST, folder=tmp_path)
    assert f"{FRAMES} frames" in shown and "never lost" in shown


def test_several_targets(clip: Path, tmp_path: Path):
    shown = run("several_targets", clip, *FIRST, folder=tmp_path)
    first, last = shown.splitlines()[0], shown.splitlines()[-1]
    assert "beetle" in first and "corner" in first
    assert "beetle" in last and "corner" not in last


def test_with_supervision(clip: Path, tmp_path: Path):
    pytest.importorskip("supervision")
    run("with_supervision", clip, *FIRST, "out.mp4", folder=tmp_path)
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    frames = [frame for ok, frame in iter(video.read, (False, None)) if ok]
    assert len(frames) == FRAMES - 1
    plain = cv2.VideoCapture(str(clip))
    plain.read()
    assert np.abs(frames[0].astype(int) - plain.read()[1]).max() > 100  # a box was drawn


def test_in_got10k(tmp_path: Path):
    root = tmp_path / "got10k"
    for name in ("A", "B"):
        write_got10k(root, name, walk(6), [8] * 6)
    run("in_got10k", root, tmp_path / "results", folder=tmp_path)
    boxes = sorted((tmp_path / "results").rglob("*_001.txt"))
    assert boxes and all(np.isfinite(np.loadtxt(file, delimiter=",")).all() for file in boxes)
