"""The exemplar of the box tracker follows the look of its target, and keeps the first one."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from perfect_network import FRAME, PerfectNetwork, frame_with

from rbsf.geometry import Box
from tracker.loop.box_config import BoxTrackerConfig, LearningConfig
from tracker.loop.box_tracker import BoxTracker

BOX = Box(100, 80, 40, 40)


class Observed(PerfectNetwork):
    """Keeps the features that it has embedded, and those that became exemplars."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[NDArray[np.float32]] = []
        self.prepared: list[NDArray[np.float32]] = []

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.embedded.append(super().exemplar_feature(crop))
        return self.embedded[-1]

    def exemplar(self, feature: NDArray[np.float32]) -> NDArray[np.float32]:
        self.prepared.append(feature)
        return feature


def follow(frames: int, **learning: Any) -> tuple[Observed, BoxTracker]:
    """Follows a target that moves by a pixel in each frame, so that no two crops are equal."""
    network = Observed()
    one = BoxTracker(network, BoxTrackerConfig(learning=LearningConfig(**learning)))
    one.init(frame_with(BOX), BOX)
    for step in range(1, frames + 1):
        frame = frame_with(Box(BOX.x + step, BOX.y, BOX.w, BOX.h))
        frame[:, :, 1] = 90 + step  # the light changes
        one.update(frame)
    return network, one


def test_the_exemplar_is_a_running_mean() -> None:
    network, _ = follow(7, rate=0.25, every=3, kept=0)
    first, third, sixth = network.embedded
    assert not np.array_equal(first, third)
    assert len(network.prepared) == 3
    mean = first + 0.25 * (third - first)
    assert np.allclose(network.prepared[1], mean)
    assert np.allclose(network.prepared[2], mean + 0.25 * (sixth - mean))


def test_the_first_look_keeps_its_weight_however_long_the_video_is() -> None:
    network, _ = follow(12, rate=1, every=2, kept=0.75)
    first, *later = network.embedded
    assert len(later) == 6
    for learned, prepared in zip(later, network.prepared[1:], strict=True):
        assert np.allclose(prepared, 0.75 * first + 0.25 * learned)


@pytest.mark.parametrize("learning", [{"rate": 0}, {"rate": 0.5, "above": 1}])
def test_nothing_is_learned_where_it_is_switched_off_or_never_sure(learning: Any) -> None:
    network, _ = follow(6, every=1, **learning)
    assert len(network.embedded) == 1


def test_nothing_is_learned_from_a_frame_in_which_the_target_is_lost() -> None:
    network, one = follow(1, rate=0.5, every=1, above=0)
    assert len(network.embedded) == 2
    assert one.update(np.full(FRAME, 90, np.uint8)).lost
    assert len(network.embedded) == 2


def test_another_target_begins_with_an_exemplar_of_its_own() -> None:
    network, one = follow(2, rate=0.5, every=1)
    one.init(frame_with(BOX), BOX)
    assert np.array_equal(network.prepared[-1], network.embedded[0])


def test_what_was_learned_is_pickled() -> None:
    network, one = follow(5, rate=0.5, every=1)
    copy = pickle.loads(pickle.dumps(one))
    assert np.array_equal(copy.network.prepared[-1], network.prepared[-1])
    assert not np.array_equal(network.prepared[-1], network.prepared[0])
