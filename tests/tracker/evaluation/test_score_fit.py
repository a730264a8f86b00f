"""The fit of the score, on evidence whose law is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from perfect_network import PerfectNetwork, frame_with

from rbsf.errors import InputError
from rbsf.geometry import Box
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.score_fit import Watched, fit, gather, joined, quality
from tracker.loop.box_score import ScoreConfig, probability

LAW = ScoreConfig(bias=-2, quality=1, margin=-0.25, recent=1.5)


def sample(count: int, seed: int = 0) -> Watched:
    draw = np.random.default_rng(seed)
    seen = draw.normal(1, (1, 4, 1), (count, 3))
    return Watched(seen, draw.random(count) < probability(LAW, seen))


def test_the_law_of_the_evidence_is_found() -> None:
    found = fit(sample(100_000))
    for name, value in LAW.model_dump().items():
        assert getattr(found, name) == pytest.approx(value, abs=0.06)


def test_the_fit_is_better_than_any_other_and_its_score_is_calibrated() -> None:
    watched = sample(20_000, seed=1)
    found = fit(watched)
    best = quality(found, watched).log_loss
    for name, value in found.model_dump().items():
        for step in (-0.2, 0.2):
            other = found.model_copy(update={name: value + step})
            assert quality(other, watched).log_loss > best
    assert probability(found, watched.seen).mean() == pytest.approx(watched.held.mean(), abs=1e-3)


def test_the_log_loss_and_auc_are_those_of_the_score() -> None:
    watched = Watched(np.zeros((4, 3)), np.array([True, False, False, False]))
    even = ScoreConfig(bias=0, quality=0, margin=0, recent=0)
    assert quality(even, watched) == pytest.approx((0.5, np.log(2), 4))


def test_frames_of_one_kind_alone_are_refused() -> None:
    with pytest.raises(InputError, match="frames that are not"):
        fit(Watched(np.zeros((4, 3)), np.ones(4, dtype=bool)))


def test_every_frame_of_tracks_and_of_their_tests_is_watched(tmp_path: Path) -> None:
    for name, count in (("A", 40), ("B", 25)):
        folder = tmp_path / name / "img"
        folder.mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / f"{number:04d}.png"), frame_with(Box(60 + number, 60, 24, 24)))
        rows = [f"{61 + number},61,24,24" for number in range(count)]
        (folder.parent / "groundtruth_rect.txt").write_text("\n".join(rows))
    tracks = load_dataset("otb", tmp_path).sequences
    tests = load_dataset("absent", tmp_path).sequences
    parts = gather(PerfectNetwork(), tracks)
    seen, held = joined(parts)
    every = [*tracks, *tests]
    assert len(seen) == len(held) == sum(len(s.frames) - 1 for s in every)
    absent = sum(int((~s.present).sum()) for s in every)
    assert absent > 10
    assert held.mean() > 0.5
    assert (~held).sum() >= absent
    assert seen[held, 0].min() == 9  # the network is sure of what it sees
    assert seen[: len(tracks[0].frames) - 1, 0].min() == 9


def test_without_tracks_there_is_nothing_to_fit() -> None:
    with pytest.raises(InputError, match="no track"):
        gather(PerfectNetwork(), [])
