"""Which frames a strip shows, and where its boxes lie."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_folders import evaluate_into

from rbsf.errors import InputError
from tracker.evaluation.report.folders import read_entries
from tracker.evaluation.report.strips import (
    choose_frames,
    failures_first,
    first_lost,
    make_strips,
)
from tracker.evaluation.report.study import make_study
from tracker.evaluation.report.tiles import TILE_SIZE, cut, view, within

NAN = float("nan")


def overlaps(good, lost, found=0):
    return np.array([0.8] * good + [0.0] * lost + [0.7] * found)


def test_a_target_is_lost_where_the_overlap_stays_low():
    assert first_lost(overlaps(30, 20)) == 30
    assert first_lost(overlaps(30, 4, 20)) is None
    assert first_lost(np.array([0.8, 0, 0, NAN, NAN, 0, 0, 0, 0.8])) == 1
    assert first_lost(np.array([0.8, NAN, NAN, NAN, NAN, NAN])) is None


def test_frames_are_at_even_distances_while_nothing_is_lost():
    assert choose_frames(overlaps(71, 0), 8) == [0, 10, 20, 30, 40, 50, 60, 70]


def test_the_loss_and_the_last_good_frame_before_it_are_shown():
    chosen = choose_frames(overlaps(34, 60), 8)
    assert len(chosen) == 8 and {0, 33, 34, 93} <= set(chosen)
    assert chosen == sorted(chosen)


def test_a_short_sequence_is_shown_whole():
    assert choose_frames(overlaps(3, 0), 8) == [0, 1, 2]


@given(st.integers(2, 300), st.data())
def test_frames_are_in_the_sequence_and_different(frames, data):
    good = data.draw(st.integers(1, frames))
    chosen = choose_frames(overlaps(good, frames - good), 8)
    assert len(set(chosen)) == len(chosen) == min(8, frames)
    assert chosen[0] == 0 and chosen[-1] == frames - 1


sides = st.floats(4, 200)


@given(st.tuples(st.floats(1, 500), st.floats(1, 400), sides, sides), st.integers(0, 60))
def test_a_view_holds_the_boxes_and_stays_in_the_frame(true, shift):
    predicted = np.add(true, [shift, -shift / 2, 0, 0])
    left, top, width = view(np.array([true, predicted]), (720, 540))
    height = width * 3 / 4
    assert width <= 720 and left >= -1e-6 and top >= -1e-6
    assert left + width <= 720 + 1e-6 and top + height <= 540 + 1e-6
    for x, y, w, h in (true, predicted):
        inside = [min(max(x - 1, 0), 720), min(max(x - 1 + w, 0), 720)]
        if width < 720:
            assert left - 1e-6 <= inside[0] and inside[1] <= left + width + 1e-6
        inside = [min(max(y - 1, 0), 540), min(max(y - 1 + h, 0), 540)]
        if height < 540:
            assert top - 1e-6 <= inside[0] and inside[1] <= top + height + 1e-6


def test_a_narrow_frame_is_shown_whole():
    assert view(np.array([[1.0, 1, 90, 290]]), (100, 300)) == (-150, 0, 400)


def test_a_frame_without_any_box_is_shown_whole():
    assert view(np.full((2, 4), NAN), (400, 300)) == (0, 0, 400)


@pytest.mark.parametrize("box", [(101, 61, 40, 30), (31, 21, 300, 220)])
def test_a_box_lies_on_what_it_encloses(box):
    """A white rectangle on black: in the tile, the box encloses what is white."""
    x, y, w, h = box
    frame = np.zeros((300, 400, 3), np.uint8)
    frame[y - 1 : y - 1 + h, x - 1 : x - 1 + w] = 255
    window = view(np.array([box], float), (400, 300))
    white = cut(frame, window)[:, :, 0] > 127
    columns, rows = np.flatnonzero(white.any(axis=0)), np.flatnonzero(white.any(axis=1))
    left, top, width, height = within(np.array(box, float), window)
    assert white.shape[::-1] == TILE_SIZE
    assert left == pytest.approx(columns[0], abs=2) and top == pytest.approx(rows[0], abs=2)
    assert left + width == pytest.approx(columns[-1] + 1, abs=2)
    assert top + height == pytest.approx(rows[-1] + 1, abs=2)


def test_failures_come_first(study):
    aos = dict(zip(study.names, study.values(study.focus, "ao"), strict=True))
    names = failures_first(study)
    assert [aos[name] for name in names] == sorted(aos.values())


def test_a_strip_marks_the_frame_in_which_the_target_is_lost(study):
    (strip,) = make_strips(study, ["Ant"])
    assert strip.lost_from == 10 and strip.start == ""
    assert [tile.number for tile in strip.tiles if tile.lost] == [10]
    assert strip.ao == pytest.approx(study.focus.results.sequences["Ant"].ao)
    first = strip.tiles[0]
    assert [mark.tracker for mark in first.marks] == [None, 2, 1, 0]
    assert cv2.imdecode(np.frombuffer(first.jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (
        180,
        240,
        3,
    )


def test_a_frame_without_the_target_has_no_true_box(study):
    (strip,) = make_strips(study, ["Cat"])
    absent = [tile for tile in strip.tiles if 13 <= tile.number <= 15]
    assert absent and all(tile.marks[0].tracker is not None for tile in absent)


def test_under_a_protocol_the_worst_start_is_shown(data, tmp_path):
    evaluate_into(tmp_path, data, ["standing", "drifting"], protocol="tre")
    study = make_study(read_entries([tmp_path]), focus="drifting")
    (strip,) = make_strips(study, ["Bee"])
    starts = study.focus.results.sequences["Bee"].starts
    assert strip.ao == pytest.approx(min(figures.ao for figures in starts.values()))
    assert starts[strip.start].ao == pytest.approx(strip.ao)
    assert strip.tiles[0].number == strip.first_frame + 1


def test_an_unknown_sequence_is_named(study):
    with pytest.raises(InputError, match="no sequence Dog in these results; there is Ant, Bee"):
        list(make_strips(study, ["Dog"]))
