"""Two things that look alike: the one that was marked is kept, by its place alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from perfect_network import CELLS, FRAME, PerfectNetwork

from rbsf.engine.box_answer import BoxAnswer
from rbsf.geometry import Box, iou
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.box_decision import Decision, DecisionConfig
from tracker.loop.box_look import Found
from tracker.loop.box_tracker import BoxTracker
from tracker.loop.neighbours import Neighbours

TARGET = Box(100, 100, 40, 60)


def found(x: float, y: float, score: float = 0.8, size: tuple[float, float] = (40, 60)) -> Found:
    """Something that was found with its centre at (x, y) from that of the target."""
    cx, cy = TARGET.center
    box = Box.from_center(cx + x, cy + y, *size)
    return Found(box, Decision((0, 0, *size), score, 1.0, 2.0))


def beside(best: Found, *others: Found) -> Found:
    return best._replace(others=others)


def frame(neighbours: Neighbours, best: Found) -> Found | None:
    """What the neighbours say of one frame, which they then take in."""
    target = neighbours.target(best, TARGET)
    seen = (best, *best.others)
    neighbours.observe([one for one in seen if one is not target], TARGET)
    return target


def approached(step: float = 16, seen: int = 4, **neighbour: Any) -> Neighbours:
    """A still target, and something that has come near from the left, seen so many times."""
    neighbours = Neighbours()
    for number in range(seen):
        other = found(-(seen - number) * step, 10, **neighbour)
        assert frame(neighbours, beside(found(0, 0), other)) is not None
    return neighbours


def test_what_passes_before_the_target_is_not_taken_for_it() -> None:
    neighbours = approached()
    for x in (0, 16, 32):  # the target is not seen
        assert frame(neighbours, found(x, 10)) is None
    target = found(2, 1, score=0.6)
    assert frame(neighbours, beside(found(48, 10), target)) is target


def test_what_is_as_likely_to_be_the_target_is_taken() -> None:
    neighbours = approached()
    assert frame(neighbours, found(4, 2)) is not None  # where the target was
    assert frame(neighbours, found(0, -40)) is not None  # off the neighbour's way


def test_a_target_that_jumps_to_where_no_neighbour_goes_is_followed() -> None:
    neighbours = Neighbours()
    for _ in range(10):  # it stands far away
        frame(neighbours, beside(found(0, 0), found(-100, 0)))
    assert frame(neighbours, found(30, 0)) is not None
    assert frame(neighbours, found(-40, 0)) is not None


def test_what_is_far_away_hides_nothing_even_where_it_was_seen() -> None:
    neighbours = Neighbours()
    for _ in range(10):
        frame(neighbours, beside(found(0, 0), found(-60, 0)))
    assert frame(neighbours, found(-60, 0)) is not None  # the camera may have turned


def test_both_found_as_one_are_neither() -> None:
    neighbours = approached()
    both = found(0, -12, size=(50, 90))  # nearer to the target than to the neighbour's way
    assert frame(neighbours, both) is None


def test_both_seen_apart_are_both_known() -> None:
    neighbours = approached()
    moved = beside(found(8, 0), found(2, 10))
    assert frame(neighbours, moved) is moved


@pytest.mark.parametrize(
    "neighbour",
    [{"seen": 2, "step": 22}, {"score": 0.5}, {"size": (20.0, 40.0)}, {"size": (90.0, 80.0)}],
    ids=["flickers", "doubtful", "small", "large"],
)
def test_what_may_be_no_thing_hides_nothing(neighbour: dict[str, Any]) -> None:
    assert frame(approached(**neighbour), found(-8, 5)) is not None


def test_a_doubtful_thing_is_not_the_target_that_returns() -> None:
    neighbours = approached()
    assert frame(neighbours, beside(found(0, 10), found(2, 1, score=0.5))) is None  # 5/8 < .65


def test_what_first_shows_over_the_target_may_be_a_part_of_it() -> None:
    neighbours = Neighbours()
    for _ in range(5):
        frame(neighbours, beside(found(0, 0), found(15, 20)))
    assert frame(neighbours, found(15, 20)) is not None


def test_a_target_may_go_on_while_it_is_hidden() -> None:
    for frames, comes in ((4, False), (8, True)):
        neighbours = approached()
        for _ in range(frames):
            assert frame(neighbours, found(0, 10)) is None
        target = found(0, -70)  # 1.17 of its height away: .5 + 4 * .1 and .5 + 8 * .1
        assert (frame(neighbours, beside(found(0, 10), target)) is target) == comes


def test_what_is_on_a_neighbours_way_is_not_the_target_that_returns() -> None:
    neighbours = Neighbours()
    for step in range(5):  # a second thing comes from below
        others = found(-80 + 16 * step, 10), found(0, 90 - 6 * step)
        frame(neighbours, beside(found(0, 0), *others))
    for _ in range(10):
        assert frame(neighbours, beside(found(0, 10), found(0, 66))) is None


def test_a_thing_that_is_gone_is_forgotten() -> None:
    for frames, hides in ((4, True), (7, False)):
        neighbours = Neighbours()
        for y in (62, 54, 46, 38, 30):  # it comes near, and stays
            frame(neighbours, beside(found(0, 0), found(0, y)))
        frame(neighbours, beside(found(0, 0), found(0, 30)))
        for _ in range(frames):
            frame(neighbours, found(0, 0))
        assert (frame(neighbours, found(0, 30)) is None) == hides


class SeesEach(PerfectNetwork):
    """Tells the boxes of all things that are red, where they are not joined."""

    def search(
        self, exemplar: Any, crop: NDArray[np.uint8], believed: tuple[float, float]
    ) -> BoxAnswer:
        x, y = np.meshgrid(CELLS, CELLS)
        boxes = np.stack([x, y, *(np.full_like(x, side) for side in believed)]).astype(np.float32)
        maps = [np.full((17, 17), -self.score, np.float32) for _ in range(3)]
        red = (crop[0, ..., 0] - crop[0, ..., 1].astype(int) > 120).astype(np.uint8)
        count, _, things, _ = cv2.connectedComponentsWithStats(red)
        for left, top, w, h, area in things[1:count]:
            if area < 100:
                continue
            center = np.array([left + (w - 1) / 2, top + (h - 1) / 2]) - 127
            column, row = np.clip(np.round(center / 8) + 8, 0, 16).astype(int)
            boxes[:, row, column] = (*center, w, h)
            for logits in maps:
                logits[row, column] = self.score
        return BoxAnswer(*maps, boxes)


def shown(*boxes: Box) -> NDArray[np.uint8]:
    """Red things before grey. A dark rim keeps those in front from what is behind them."""
    frame = np.full(FRAME, 90, np.uint8)
    for x, y, w, h in ((round(v) for v in box) for box in boxes):
        cv2.rectangle(frame, (x - 2, y - 2), (x + w + 1, y + h + 1), (60, 60, 60), -1)
        cv2.rectangle(frame, (x, y), (x + w - 1, y + h - 1), (0, 0, 255), -1)
    return frame


def pass_before(hidden_frames: int) -> tuple[Box, list[bool]]:
    """Lets an equal thing pass before a still target, of which it hides all for some frames.

    Returns:
        The last box, and all flags.
    """
    config = BoxTrackerConfig(
        decision=DecisionConfig(peak_share=0), hidden_frames=hidden_frames, learning={"rate": 0}
    )
    one = BoxTracker(SeesEach(), config)
    still = Box(140, 90, 36, 48)
    flags = []
    one.init(shown(still), still)
    for step in range(24):
        other = Box(50 + 9 * step, 100, 36, 48)
        track = one.update(shown(other) if iou(still, other) > 0.3 else shown(still, other))
        flags.append(track.lost)
    return track.box, flags


def test_an_equal_thing_that_passes_before_the_target_does_not_take_the_tracker_along() -> None:
    box, flags = pass_before(hidden_frames=15)
    assert iou(box, Box(140, 90, 36, 48)) > 0.8
    assert any(flags)
    assert not flags[-1]
    taken, _ = pass_before(hidden_frames=0)
    assert iou(taken, Box(140, 90, 36, 48)) < 0.2


def moving() -> BoxTracker:
    """A tracker that has followed a target, which moves on by 5 pixels in a frame, for 5 frames."""
    one = BoxTracker(SeesEach(), BoxTrackerConfig(learning={"rate": 0}))
    one.init(shown(Box(100, 90, 36, 48)), Box(100, 90, 36, 48))
    for step in range(1, 6):
        one.update(shown(Box(100 + 5 * step, 90, 36, 48)))
    return one


def test_a_hidden_target_is_flagged_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    one, expected = moving(), []

    def hides(_: Neighbours, found: Found, box: Box) -> None:
        expected.append(box.center)

    monkeypatch.setattr(Neighbours, "target", hides)
    last = Box(125, 90, 36, 48)
    for _ in range(2):
        track = one.update(shown(last))
        assert track.lost
        assert track.score <= one.config.lost_below
        assert iou(track.box, last) > 0.9
        assert one.evidence is not None
        assert one.evidence.margin == -18  # 9 here, -9 elsewhere: the neighbour's
    moved = expected[0][0] - expected[1][0]  # it was expected to go on, and then to stay
    assert moved == pytest.approx(5, abs=0.5)


def test_a_target_that_is_lost_is_not_called_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    one = moving()
    for _ in range(3):
        assert one.update(shown()).lost
    monkeypatch.setattr(Neighbours, "target", lambda *_: None)
    assert not one.update(shown(Box(125, 90, 36, 48))).lost


def test_a_target_that_stays_hidden_is_given_up() -> None:
    one = BoxTracker(SeesEach(), BoxTrackerConfig(hidden_frames=5, learning={"rate": 0}))
    still = Box(140, 90, 36, 48)
    one.init(shown(still), still)
    for step in range(10):
        one.update(shown(still, Box(50 + 9 * step, 94, 36, 48)))
    front = Box(50 + 9 * 9, 94, 36, 48)
    hidden = [one.update(shown(front)).lost for _ in range(12)]
    assert not hidden[-1]
