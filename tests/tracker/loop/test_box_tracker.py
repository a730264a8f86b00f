"""The box tracker on a network that sees perfectly, and on one that has learned nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from perfect_network import FRAME, PerfectNetwork, frame_with

from rbsf.engine.torch_box import BoxAnswer, TorchBoxNetwork
from rbsf.errors import InputError
from rbsf.geometry import Box, iou
from rbsf.nn import SLIM_LAYERS, BinaryAlexNetV1
from rbsf.nn.box_head import BoxNet
from tracker.loop.box_config import BoxTrackerConfig, LearningConfig, RecoveryConfig
from tracker.loop.box_decision import DecisionConfig
from tracker.loop.box_score import ScoreConfig
from tracker.loop.box_tracker import BoxTracker, drawn_to


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


class SeesAShoe(PerfectNetwork):
    """When told so, it sees in the middle of the search crop, too, what looks like the target."""

    shoe = False

    def search(self, exemplar: Any, crop: NDArray[np.uint8], believed: Any) -> BoxAnswer:
        answer = super().search(exemplar, crop, believed)
        if self.shoe:
            for logits in answer[:3]:
                logits[8, 8] = self.score
        return answer


def test_a_ball_that_bounces_is_not_left_for_what_lies_where_its_motion_led() -> None:
    network = SeesAShoe()
    one = tracker(network)
    one.init(frame_with(Box(150, 20, 40, 40)), Box(150, 20, 40, 40))
    for step in range(1, 5):
        one.update(frame_with(Box(150, 20 + 30 * step, 40, 40)))
    network.shoe = True
    back = Box(150, 132, 40, 40)
    assert iou(one.update(frame_with(back)).box, back) > 0.8


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


def test_a_box_is_drawn_to_the_first_shape_and_keeps_its_area() -> None:
    found, first = Box(0, 0, 80, 20), Box(5, 5, 30, 30)
    assert drawn_to(first, found, shape=0, size=0) == pytest.approx((80, 20))
    assert drawn_to(first, found, shape=1, size=0) == pytest.approx((40, 40))
    half = drawn_to(first, found, shape=0.5, size=0)
    assert half == pytest.approx((40 * 2**0.5, 40 / 2**0.5))
    half = drawn_to(first, Box(0, 0, 20, 80), shape=0.5, size=0)
    assert half == pytest.approx((40 / 2**0.5, 40 * 2**0.5))
    assert np.isfinite(drawn_to(first, Box(0, 0, 0, 20), shape=0.5, size=0.5)).all()


def test_a_box_is_drawn_to_the_first_size_and_keeps_its_shape() -> None:
    found, first = Box(0, 0, 80, 20), Box(5, 5, 10, 10)
    assert drawn_to(first, found, shape=0, size=1) == pytest.approx((20, 5))
    assert drawn_to(first, found, shape=0, size=0.5) == pytest.approx((40, 10))
    assert drawn_to(first, found, shape=1, size=1) == pytest.approx((10, 10))


def test_the_first_shape_has_its_weight() -> None:
    one = tracker(size_rate=1.0, shape_kept=0.5, size_kept=0)
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    for _ in range(3):  # it is the first shape that draws, not the last
        box = one.update(frame_with(Box(90, 85, 60, 30))).box
    assert box.w / box.h == pytest.approx(2**0.5, rel=0.05)


def test_the_first_size_has_its_weight() -> None:
    one = tracker(size_rate=1.0, shape_kept=0, size_kept=0.5)
    one.init(frame_with(Box(100, 80, 40, 40)), Box(100, 80, 40, 40))
    for _ in range(3):  # it is the first size that draws, not the last
        box = one.update(frame_with(Box(90, 70, 60, 60))).box
    assert box.w == pytest.approx((40 * 60) ** 0.5, rel=0.05)


class SeesTooMuch(PerfectNetwork):
    """Takes every target for a tenth larger than it is believed to be."""

    def search(self, exemplar: Any, crop: NDArray[np.uint8], believed: Any) -> BoxAnswer:
        answer = super().search(exemplar, crop, believed)
        answer.boxes[2:] = 1.1 * np.array(believed)[:, None, None]
        return answer


@pytest.mark.parametrize(("kept", "low", "high"), [(0.1, 2.3, 2.4), (0, 8, 14)])
def test_a_size_that_runs_away_is_drawn_back(kept: float, low: float, high: float) -> None:
    # The size's logarithm x = (1 - k) (x + log 1.1) settles at x = (1 - k) / k log 1.1. With
    # k = 1/10 this is a factor of 1.1 ** 9, or 2.36, and with k = 0 the box fills the frame.
    one = tracker(SeesTooMuch(), size_rate=1.0, shape_kept=0, size_kept=kept)
    first = Box(150, 110, 20, 20)
    one.init(frame_with(first), first)
    for _ in range(60):
        box = one.update(frame_with(first)).box
    assert low < (box.w * box.h) ** 0.5 / 20 < high


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


class Counting(PerfectNetwork):
    """Counts its looks and the exemplars that it is shown, and can be blind in some looks."""

    looks = 0
    shown = 0

    def __init__(self, blind: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.blind = blind

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.shown += 1
        return super().exemplar_feature(crop)

    def search(self, exemplar: Any, crop: NDArray[np.uint8], believed: Any) -> BoxAnswer:
        self.looks += 1
        seen = np.full_like(crop, 90) if self.looks in self.blind else crop
        return super().search(exemplar, seen, believed)


NOTHING = np.full(FRAME, 90, np.uint8)
HERE, THERE = Box(40, 40, 20, 20), Box(270, 190, 20, 20)
"""Two places that are too far from one another for one search crop."""


def lost_at_here(network: PerfectNetwork, **changes: Any) -> BoxTracker:
    one = tracker(network, **changes)
    one.init(frame_with(HERE), HERE)
    assert one.update(NOTHING).lost
    return one


def frames_until_found(one: BoxTracker) -> int | None:
    for number in range(1, 60):
        track = one.update(frame_with(THERE))
        if not track.lost:
            assert iou(track.box, THERE) > 0.8
            return number
    return None


def test_a_lost_target_is_found_anywhere_in_the_frame_at_a_bounded_cost() -> None:
    network = Counting()
    one = lost_at_here(network, recovery=RecoveryConfig(crops=3, sizes=(1.0,)))
    assert network.looks == 1 + 1  # at the first frame, and where it was lost
    for _ in range(60):
        before = network.looks
        track = one.update(frame_with(THERE))
        assert network.looks - before <= 3 + 2
        if not track.lost:
            break
    assert iou(track.box, THERE) > 0.8
    before = network.looks
    one.update(frame_with(THERE))
    assert network.looks == before + 1  # it is followed again


def test_without_crops_a_target_far_away_stays_lost() -> None:
    network = Counting()
    one = lost_at_here(network, recovery=RecoveryConfig(crops=0))
    assert frames_until_found(one) is None
    assert network.looks == 1 + 60  # one at the first frame, and one in each of the others


def test_a_place_is_not_believed_before_a_second_look_confirms_it() -> None:
    settings = RecoveryConfig(crops=64, sizes=(1.0,))
    seeing = Counting()
    first = frames_until_found(lost_at_here(seeing, recovery=settings))
    assert first == 1
    verifying = Counting(blind=(seeing.looks,))  # the last look was the one that verifies
    assert frames_until_found(lost_at_here(verifying, recovery=settings)) == 2


def set_score(one: BoxTracker, network: PerfectNetwork, score: float) -> None:
    """Makes the network's evidence that of a score, if it was so in the recent frames, too."""
    bias, of_quality, of_margin, of_recent = one.config.score.model_dump().values()
    logit = np.log(score / (1 - score))
    network.score = (logit - bias) / (of_quality + 2 * of_margin + of_recent)


def test_a_target_that_may_be_there_is_not_looked_for_elsewhere() -> None:
    network = Counting()
    one = tracker(network, doubt=0)  # lost below 0.3, looked for below 0.2
    one.init(frame_with(HERE), HERE)
    set_score(one, network, 0.25)
    for number in range(1, 5):
        track = one.update(frame_with(HERE))
        assert track.lost
        assert track.score == pytest.approx(0.25, abs=0.02)
        assert network.looks == 1 + number  # one was at the first frame
    set_score(one, network, 0.1)
    for _ in range(4):  # until the recent frames are as doubtful
        one.update(frame_with(HERE))
    assert network.looks > 1 + 8


def test_a_target_is_lost_when_enough_doubt_has_gathered() -> None:
    network = PerfectNetwork()
    one = tracker(network, score=ScoreConfig(recent=0))
    one.init(frame_with(HERE), HERE)

    def flags(score: float, frames: int) -> list[bool]:
        set_score(one, network, score)
        return [one.update(frame_with(HERE)).lost for _ in range(frames)]

    # logit(0.3) - logit(0.25) is 0.251, and 1.5 is allowed
    assert flags(0.25, 5) == [False] * 5
    assert flags(0.71, 1) == [False]  # as good as found again: the doubt is gone
    assert flags(0.25, 6) == [False] * 5 + [True]
    assert flags(0.69, 3) == [True] * 3
    assert flags(0.71, 1) == [False]
    assert flags(0.08, 1) == [True]


def test_in_doubt_it_is_looked_for_elsewhere_and_nothing_is_learned() -> None:
    network = Counting()
    learning = LearningConfig(every=1, above=0.4)
    one = tracker(network, score=ScoreConfig(recent=0), doubt=100, learning=learning)
    one.init(frame_with(HERE), HERE)
    set_score(one, network, 0.15)
    assert not one.update(frame_with(HERE)).lost
    looks, shown = network.looks, network.shown
    set_score(one, network, 0.1)
    assert not one.update(frame_with(HERE)).lost
    assert network.looks == looks + 1 + 4  # it is looked for before it is flagged
    set_score(one, network, 0.6)
    one.update(frame_with(HERE))
    assert network.shown == shown  # 0.6 is enough to learn from, but not to be found
    set_score(one, network, 0.9)
    one.update(frame_with(HERE))
    assert network.shown == shown + 1


def test_a_doubtful_score_neither_loses_nor_finds() -> None:
    network = PerfectNetwork()
    one = tracker(network, recovery=RecoveryConfig(crops=0), lost_below=0.4, found_above=0.6)
    one.init(frame_with(HERE), HERE)

    set_score(one, network, 0.5)
    track = one.update(frame_with(HERE))
    assert track.score == pytest.approx(0.5, abs=0.01)
    assert not track.lost
    network.score = 9.0
    one.init(frame_with(HERE), HERE)
    for _ in range(3):
        assert one.update(NOTHING).lost
    set_score(one, network, 0.5)
    for _ in range(4):
        track = one.update(frame_with(HERE))
    assert track.score == pytest.approx(0.5, abs=0.01)
    assert track.lost


def test_found_above_is_not_below_lost_below() -> None:
    with pytest.raises(ValueError, match="found_above must not be below lost_below"):
        BoxTrackerConfig(lost_below=0.5, found_above=0.4)


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
