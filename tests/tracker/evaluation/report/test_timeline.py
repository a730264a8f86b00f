"""The line of overlaps under a strip."""

import re

import numpy as np
import pytest

from tracker.evaluation.report.timeline import HEIGHT, POINTS, WIDTH, overlap_path


def points(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_an_overlap_of_one_is_at_the_top_and_none_at_the_bottom():
    (first, last) = points(overlap_path(np.array([1.0, 0.0])))
    assert first == (WIDTH / 4, 0) and last == (WIDTH * 3 / 4, HEIGHT)


def test_the_line_breaks_off_where_the_target_is_absent():
    path = overlap_path(np.array([1, 0.5, np.nan, np.nan, 0.5, 1]))
    assert re.sub(r"[^ML]", "", path) == "MLML"


def test_a_long_sequence_becomes_the_means_of_its_stretches():
    found = points(overlap_path(np.tile([0.0, 1.0], 5 * POINTS)))
    assert len(found) == POINTS
    assert [y for _, y in found] == pytest.approx([HEIGHT / 2] * POINTS)
