"""Contestants take turns; rows say what was measured."""

from __future__ import annotations

import pytest

from tracker.benchmark.timing import Contestant, Row, interleave, rows_of


def test_contestants_take_turns_and_each_turn_starts_untimed():
    calls = []
    one = Contestant(lambda: calls.append("a"))
    three = Contestant(lambda: calls.append("b"), calls=3)
    taken = interleave({"a": one, "b": three}, rounds=2)
    assert "".join(calls) == 3 * ("aa" + "bbbb")  # a round before those that count
    assert {name: len(ms) for name, ms in taken.items()} == {"a": 2, "b": 2}


def test_a_turn_counts_as_the_mean_of_its_calls(monkeypatch):
    clock = iter([0.0, 6.0, 10.0, 16.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert interleave({"a": Contestant(lambda: None, calls=3)}, rounds=1) == {"a": [2000.0]}


def test_rows_have_median_spread_and_ratio():
    taken = {"slow": [40.0, 30.0, 90.0], "packed": [10.0, 12.0, 5.0], "fast": [5.0, 5.0, 5.0]}
    rows = rows_of(taken, "network")
    assert [row["name"] for row in rows] == ["packed", "fast", "slow"]
    assert rows[2] == {
        "name": "slow",
        "what": "network",
        "ms_median": 40.0,
        "ms_min": 30.0,
        "ms_max": 90.0,
        "ratio_to_packed": 4.0,
    }
    assert [row["ratio_to_packed"] for row in rows] == [1.0, 0.5, 4.0]


def test_without_packed_there_is_no_ratio():
    (row,) = rows_of({"alone": [3.0]}, "tracker")
    assert row["ratio_to_packed"] is None
    assert Row("alone", "tracker", [1.0, 2.0]).median == pytest.approx(1.5)
