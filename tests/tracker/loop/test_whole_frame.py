"""The places where a lost target is looked for."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.geometry import Box
from tracker.loop.box_look import search_side
from tracker.loop.whole_frame import WholeFrame

FRAME = (320, 200)
LAST = Box(200, 40, 24, 16)


@pytest.mark.parametrize("last", [LAST, Box(0, 0, 40, 40), Box(150, 90, 300, 190)])
@pytest.mark.parametrize("size", [0.75, 1.0, 1.33])
def test_the_answers_of_a_round_cover_the_whole_frame(last: Box, size: float) -> None:
    boxes = WholeFrame(last, [size], FRAME).boxes
    reach = search_side(boxes[0]) * 8.5 * 8 / 255  # to the border of the outer cells
    x, y = np.meshgrid(np.arange(FRAME[0]), np.arange(FRAME[1]))
    seen = np.zeros(x.shape, bool)
    for box in boxes:
        cx, cy = box.center
        assert 0 <= cx <= FRAME[0] - 1
        assert 0 <= cy <= FRAME[1] - 1
        seen |= (abs(x - cx) <= reach) & (abs(y - cy) <= reach)
    assert seen.all()


def test_places_near_the_last_one_come_first() -> None:
    search = WholeFrame(LAST, [1.0], FRAME)
    distances = [np.hypot(*np.subtract(box.center, LAST.center)) for box in search.boxes]
    assert distances == sorted(distances)
    assert distances[0] < search_side(LAST) / 2


def test_sizes_take_turns_and_rounds_repeat() -> None:
    search = WholeFrame(LAST, [1.0, 2.0], FRAME)
    total = len(search.boxes)
    assert {round(box.w / LAST.w, 6) for box in search.boxes} == {1.0, 2.0}
    seen = [box for _ in range(total) for box in search.next(2)]
    assert seen == search.boxes + search.boxes


def test_no_place_is_looked_at_twice_in_one_frame() -> None:
    search = WholeFrame(Box(0, 0, 300, 190), [1.0], FRAME)
    assert len(search.next(64)) == len(search.boxes)


def test_a_tiny_target_in_a_large_frame_has_not_too_many_places() -> None:
    """At half a search square, 1.7 million places took a minute to list."""
    search = WholeFrame(Box(5, 5, 2, 2), [1.0], (3840, 2160))
    assert 19_000 < len(search.boxes) < 21_000
    assert search.boxes[0].center == pytest.approx((6, 6), abs=15)
