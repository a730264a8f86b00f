"""What ships works: the weights track, are what the model card says, and README's Python runs."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from rbsf import load_embedder
from rbsf.embedder import SHIPPED, SHIPPED_RBSF, SHIPPED_TEACHER
from rbsf.geometry import iou
from tracker import Tracker
from tracker.video.synthetic import render

ROOT = Path(__file__).parents[1]
WEIGHTS = (SHIPPED, SHIPPED_RBSF, SHIPPED_RBSF.with_name("xnor_sf.safetensors"), SHIPPED_TEACHER)


def average_overlap(weights: Path, frames: int) -> float:
    tracker = Tracker(load_embedder(weights, threads=1))
    overlaps = []
    for index, (frame, truth) in enumerate(render(frames)):
        if index == 0:
            tracker.init(frame, truth)
        else:
            overlaps.append(iou(tracker.update(frame).box, truth))
    return float(np.mean(overlaps))


@pytest.mark.parametrize("weights", [SHIPPED, SHIPPED_RBSF], ids=lambda path: path.stem)
def test_a_shipped_network_tracks_a_synthetic_clip(weights):
    assert average_overlap(weights, frames=60) >= 0.7


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda path: path.stem)
def test_the_model_card_names_every_file_by_its_hash(weights):
    card = (SHIPPED_RBSF.parent / "README.md").read_text()
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in card


def test_binary_weights_are_small():
    assert SHIPPED.stat().st_size < 600_000
    assert SHIPPED_RBSF.stat().st_size < 500_000
    assert SHIPPED_TEACHER.stat().st_size < 6_000_000


def test_readmes_python_runs():
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert len(names["box"]) == 4
    assert 0 <= names["score"] <= 1
