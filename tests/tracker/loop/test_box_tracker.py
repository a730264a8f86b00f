"""The box tracker on a network that sees perfectly, and on one that has learned nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rbsf.engine.torch_box import BoxAnswer, TorchBoxNetwork
from rbsf.errors import InputError
from rbsf.geometry import Box, iou
from rbsf.nn import SLIM_LAYERS, BinaryAlexNetV1
from rbsf.nn.box_head import BoxNet
from tracker.loop.box_decision import DecisionConfig
from tracker.loop.box_tracker import BoxTracker, BoxTrackerConfig

FRAME = (240, 320, 3)
CELLS = (np.arange(17) - 8) * 8.0


def frame_with(box: Box) -> NDArray[np.uint8]:
    """Grey, with a red rectangle."""
    frame = np.full(FRAME, 90, np.uint8)
    x, y, w, h = (round(v) for v in box)
    frame[max(y, 0) : y + h, max(x, 0) : x + w] = (0, 0, 255)
    return frame


class PerfectNetwork:
    """Tells the box of what is red in the search crop, at the cell that is nearest to it."""

    def __init__(self, score: float = 9.0) -> None:
        self.score = score

    def exemplar(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        assert crop.shape == (1, 127, 127, 3)
        return crop

    def search(
        self, exemplar: Any, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        assert crop.shape == (1, 255, 255, 3)
        x, y = np.meshgrid(CELLS, CELLS)
        boxes = np.stack([x, y, *(np.full_like(x, side) for side in believed)]).astype(np.float32)
        maps = [np.full((17, 17), -self.score, np.float32) for _ in range(3)]
        rows, columns = np.nonzero(crop[0, ..., 0] - crop[0, ..., 1].astype(int) > 120)
        if len(rows):
            lows, highs = (np.array([f(columns), f(rows)]) for f in (np.min, np.max))
            center = (lows + highs) / 2 - 127
            at = np.clip(np.round(center / 8) + 8, 0, 16).astype(int)
            boxes[:, at[1], at[0]] = (*center, *(highs - lows + 1))
            for logits in maps:
                logits[at[1], at[0]] = self.score
        return BoxAnswer(*maps, boxes)


def tracker(network: Any = None, **changes: Any) -> BoxTracker:
    config = BoxTrackerConfig(decision=DecisionConfig(peak_share=0), **changes)
    return BoxTracker(network or PerfectNetwork(), config)


def test_a_moving_growing_target_is_followed() -> None:
    one = tracker(size_rate=1.0)
    one.init(frame_with(Box(100, 80, 40, 30)), Box(100, 80, 40, 30))
    for step in range(1, 25):
        truth = Box(100 + 4 * step, 80 + 2 * step, 40 + step, 30 + 0.5 * step)
        track = one.update(frame_with(truth))
        assert iou(track.box, truth) > 0.85
        assert track.score > 0.99
        assert not track.lost


def test_a_change_of_shape_is_followed() -> None:
    one = tracker(size_rate=1.0)
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    for step in range(1, 16):
        truth = Box(100 - step, 80 + step, 40 + 2 * step, 40 - 2 * step)
        track = one.update(frame_with(truth))
    assert iou(track.box, truth) > 0.8


def test_size_follows_at_its_rate() -> None:
    one = tracker(size_rate=0.25)
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    track = one.update(frame_with(Box(90, 70, 60, 60)))
    assert track.box.w == pytest.approx(40 + 0.25 * 20, abs=0.7)


def test_a_look_leaves_no_trace() -> None:
    one = tracker()
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    found, _ = one.look(frame_with(Box(130, 90, 40, 40)), Box(110, 85, 40, 40))
    assert iou(found, Box(130, 90, 40, 40)) > 0.9
    again = one.update(frame_with(Box(100, 80, 40, 40)))
    assert iou(again.box, Box(100, 80, 40, 40)) > 0.95


def test_the_box_stays_in_the_frame_and_is_never_empty() -> None:
    one = tracker(size_rate=1.0)
    one.init(frame_with(Box(250, 80, 40, 40)), Box(250, 80, 40, 40))
    for step in range(1, 30):
        x, y, w, h = one.update(frame_with(Box(250 + 6 * step, 80, 40, 40))).box
        assert np.isfinite([x, y, w, h]).all()
        assert w > 0
        assert h > 0
        assert x >= 0
        assert x + w <= FRAME[1]


def test_a_target_out_of_sight_is_lost() -> None:
    one = tracker()
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    assert one.update(np.full(FRAME, 90, np.uint8)).lost


def test_an_untrained_network_keeps_the_box() -> None:
    torch.manual_seed(0)
    network = TorchBoxNetwork(BoxNet(BinaryAlexNetV1(layers=SLIM_LAYERS)))
    network.model.log_gain.data.fill_(-30.0)  # a response of nothing
    one = BoxTracker(network)
    noise = np.random.default_rng(0).integers(0, 256, FRAME, dtype=np.uint8)
    one.init(noise, Box(100, 80, 40, 30))
    for _ in range(3):
        assert one.update(noise).box == pytest.approx(Box(100, 80, 40, 30), abs=1e-3)


def test_a_box_outside_the_frame_is_refused() -> None:
    with pytest.raises(InputError, match="outside the frame"):
        tracker().init(np.full(FRAME, 90, np.uint8), Box(500, 500, 10, 10))


def test_a_tracker_without_a_target_or_with_another_frame_size_says_so() -> None:
    one = tracker()
    with pytest.raises(InputError, match="call init"):
        one.update(np.full(FRAME, 90, np.uint8))
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    with pytest.raises(InputError, match="the frame is 160x120"):
        one.update(np.full((120, 160, 3), 90, np.uint8))
