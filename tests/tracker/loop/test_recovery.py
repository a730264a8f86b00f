"""The search around a lost target leaves no gap and stays in the frame."""

from __future__ import annotations

from math import dist

import numpy as np

from tracker.loop.recovery import Surroundings


def test_every_place_in_reach_is_looked_at():
    side, radius, frame = 80.0, 1.5, (640, 480)
    around = Surroundings((300.0, 200.0), side, radius, frame)
    rng = np.random.default_rng(0)
    for dx, dy in rng.uniform(-radius * side, radius * side, (200, 2)):
        place = (300 + dx, 200 + dy)
        gaps = [max(abs(x - place[0]), abs(y - place[1])) for x, y in around.centers]
        assert min(gaps) <= side / 4 + 1e-9  # a response reaches a quarter of its side


def test_the_nearest_come_first_and_none_is_outside():
    around = Surroundings((10.0, 470.0), 80.0, 1.5, (640, 480))
    distances = [dist(center, (10.0, 470.0)) for center in around.centers]
    assert distances == sorted(distances)
    assert around.centers[0] == (10.0, 470.0)
    assert all(0 <= x <= 639 and 0 <= y <= 479 for x, y in around.centers)


def test_the_round_begins_anew_and_names_no_place_twice_at_once():
    around = Surroundings((100.0, 100.0), 50.0, 0.5, (640, 480))
    assert len(around.centers) == 9
    first = around.upcoming(6)
    assert around.upcoming(6) == first  # asking changes nothing
    around.advance(6)
    assert first + around.upcoming(6) == [*around.centers, *around.centers[:3]]
    assert len(around.upcoming(50)) == len(set(around.upcoming(50))) == 9


def test_where_no_square_is_in_the_frame_there_is_nothing_to_look_at():
    assert Surroundings((-90.0, 20.0), 50.0, 0.5, (640, 480)).upcoming(6) == []
