"""The packed network with a box head is as good as the float one that it was made from."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.engine.pack_head import pack_box_file
from rbsf.engine.packed import kernel_paths
from rbsf.engine.packed_box import PackedBoxNetwork
from rbsf.engine.torch_box import TorchBoxNetwork
from rbsf.files.weights import SHIPPED_RBSF
from rbsf.geometry import Box, iou
from tracker.evaluation.calibration import CalibrationPair, rendered_pairs
from tracker.loop.box_decision import DecisionConfig, decide
from tracker.loop.box_tracker import BoxTracker
from tracker.video.synthetic import render

LATENT = SHIPPED_RBSF.with_name("rbsf_box_latent.safetensors")

pytestmark = pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")


@pytest.fixture(scope="module")
def pairs() -> list[CalibrationPair]:
    return rendered_pairs(32)


@pytest.fixture(scope="module")
def network(pairs) -> PackedBoxNetwork:
    """Calibrated on two scenes. The others are those on which it is compared."""
    return PackedBoxNetwork(pack_box_file(LATENT, pairs[:16]))


def test_answers_and_decisions_are_those_of_the_float_network(network, pairs):
    """How far logits err is told in shares of their spread, which is another for each network."""
    right = TorchBoxNetwork.from_file(LATENT)
    errors, spreads, overlaps, scores = [], [], [], []
    for exemplar, search, believed in pairs[16:]:
        answers = [
            n.search(n.exemplar(n.exemplar_feature(exemplar)), search, believed)
            for n in (network, right)
        ]
        errors.append([np.mean((a - b) ** 2) for a, b in zip(*answers, strict=True)])
        spreads.append([np.std(logits) for logits in answers[1][:3]])
        ours, theirs = (decide(answer, believed, DecisionConfig()) for answer in answers)
        overlaps.append(iou(Box.from_center(*ours.box), Box.from_center(*theirs.box)))
        scores.append(abs(ours.score - theirs.score))
    *logits, boxes = np.sqrt(np.mean(errors, axis=0))
    response, target, quality = logits / np.mean(spreads, axis=0)
    assert response < 0.07
    assert target < 0.05
    assert quality < 0.08
    assert boxes < 1.5
    assert np.mean(overlaps) > 0.95
    assert np.mean(scores) < 0.03


def test_a_tracker_takes_it(network):
    tracker, overlaps = BoxTracker(network), []
    for index, (frame, truth) in enumerate(render(40)):
        if index == 0:
            tracker.init(frame, truth)
        else:
            overlaps.append(iou(tracker.update(frame).box, truth))
    assert np.mean(overlaps) > 0.6


def test_its_file_is_small(network, tmp_path):
    assert len(network.weights_sha256) == 0
    from rbsf.engine.format import read_packed, write_packed

    packed = pack_box_file(LATENT, rendered_pairs(2))
    write_packed(tmp_path / "box.rbsf", packed)
    assert (tmp_path / "box.rbsf").stat().st_size < 600_000
    assert read_packed(tmp_path / "box.rbsf").metadata["kind"] == "box"
