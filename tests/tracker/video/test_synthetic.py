"""The rendered clip can be repeated, and its boxes are true."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.video import synthetic as scene
from tracker.video.synthetic import render


def test_the_same_seed_gives_the_same_clip() -> None:
    short, long = list(render(3, (160, 90), seed=4)), list(render(5, (160, 90), seed=4))
    other, _ = next(render(1, (160, 90), seed=5))
    for (image, box), (again, box_again) in zip(short, long, strict=False):
        assert (image == again).all() and box == box_again
    assert len(long) == 5
    assert (short[0][0] != other).any()


@pytest.mark.parametrize("turn", [0.0, 0.4, -0.9])
def test_the_box_bounds_what_is_drawn(turn: float) -> None:
    pose = scene._Pose(80.3, 60.7, 38.0, 27.0, turn)
    black = np.zeros((120, 160, 3), np.float32)
    drawn = scene._place(black, scene._beetle(spots=True), pose).max(axis=2) > 0.01
    rows, columns = np.nonzero(drawn)
    x, y, w, h = pose.box
    assert [columns.min(), columns.max() + 1] == pytest.approx([x, x + w], abs=1.5)
    assert [rows.min(), rows.max() + 1] == pytest.approx([y, y + h], abs=1.5)


def test_the_target_moves_grows_and_stays_in_view() -> None:
    boxes = np.array([scene_box for _, scene_box in render(150, (64, 36))]) * 10
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 0] + boxes[:, 2] <= 640).all() and (boxes[:, 1] + boxes[:, 3] <= 360).all()
    assert boxes[:, 2].min() > 40 and boxes[:, 2].max() < 85
    assert boxes[:, 2].max() / boxes[:, 2].min() > 1.4
    assert np.ptp(boxes[:, 0]) > 200
    steps = np.abs(np.diff(boxes, axis=0))
    assert steps[:, :2].max() < 12 and steps[:, 2:].max() < 2


def test_the_target_stands_out_from_the_ground() -> None:
    image, box = next(render(1))
    x, y, w, h = (round(value) for value in box)
    inside = image[y + h // 4 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4].astype(float)
    redness = image[..., 2].astype(float) - image[..., 0]
    assert inside.std() > 25  # textured
    assert (inside[..., 2] - inside[..., 0]).mean() > redness.mean() + 30
