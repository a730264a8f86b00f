"""From maps to a box: closed forms of the decision."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.engine.torch_box import BoxAnswer
from tracker.loop.box_decision import (
    DecisionConfig,
    decide,
    response_peak,
    second_peak_margin,
    voted_box,
    window_around,
)

SIZE = 17
BELIEVED = (60.0, 40.0)
TINY = (6.0, 4.0)
"""So small that the boxes of two cells do not overlap: no neighbour has a vote."""
HEAD_ALONE = DecisionConfig(response_weight=0, peak_share=0, size_penalty=0, window_influence=0)


def flat(size: tuple[float, float] = BELIEVED) -> BoxAnswer:
    """What an untrained network says: nothing is likelier than anything else."""
    cells = (np.arange(SIZE) - 8) * 8.0
    x, y = np.meshgrid(cells, cells)
    boxes = np.stack([x, y, *(np.full_like(x, side) for side in size)]).astype(np.float32)
    return BoxAnswer(*(np.zeros((SIZE, SIZE), np.float32) for _ in range(3)), boxes)


def bump(x: float, y: float) -> np.ndarray:
    """A smooth peak at a place, pixels from the middle."""
    cells = (np.arange(SIZE) - 8) * 8.0
    squares = (cells[None] - x) ** 2 + (cells[:, None] - y) ** 2
    return (4 - squares / 100).astype(np.float32)


def test_an_untrained_network_keeps_the_box() -> None:
    assert decide(flat(), BELIEVED, DecisionConfig()).box == (0, 0, 60, 40)


def test_the_best_cell_gives_the_box() -> None:
    answer = flat(TINY)
    answer.target[3, 12] = 5
    answer.boxes[:, 3, 12] = (30, -42, 7, 5)
    decision = decide(answer, TINY, HEAD_ALONE)
    assert decision.box == pytest.approx((30, -42, 7, 5))
    assert decision.score == pytest.approx(0.5 / (1 + np.exp(-5)))


def test_neighbours_that_see_the_same_thing_have_a_vote_on_its_box() -> None:
    answer = flat()
    answer.target[:] = -40
    answer.target[8, 8], answer.target[8, 10], answer.target[9, 8] = 40, 0, 40
    answer.boxes[:, 8, 8] = (1, 2, 60, 40)
    answer.boxes[:, 8, 10] = (4, 2, 66, 40)  # belief 1/2, so it has half a vote
    answer.boxes[:, 9, 8] = (31, 2, 60, 40)  # an IoU of 1/3: another thing
    answer.target[8, 11], answer.boxes[:, 8, 11] = 40, (1, 2, 66, 44)  # too far away
    assert decide(answer, BELIEVED, HEAD_ALONE).box == pytest.approx((2, 2, 62, 40))


def test_scores_of_zero_leave_the_best_cells_box() -> None:
    answer = flat()
    assert voted_box(answer.boxes, np.zeros((SIZE, SIZE), np.float32), 3, 12) == (32, -40, 60, 40)


def test_a_better_quality_wins_between_equal_cells() -> None:
    answer = flat(TINY)
    answer.quality[10, 4] = 1
    assert decide(answer, TINY, HEAD_ALONE).box[:2] == (-32, 16)


def test_the_correlation_is_heard_as_much_as_it_weighs() -> None:
    answer = flat(TINY)
    answer.target[8, 4], answer.response[8, 12] = 3, 4
    for weight, x in ((0.0, -32), (0.4, -32), (0.5, 32), (1.0, 32)):
        config = HEAD_ALONE.model_copy(update={"response_weight": weight})
        assert decide(answer, TINY, config).box[0] == x


def test_near_places_are_preferred_between_equal_ones() -> None:
    answer = flat(TINY)
    answer.target[8, 9] = answer.target[0, 0] = 3
    config = HEAD_ALONE.model_copy(update={"window_influence": 0.3})
    assert decide(answer, TINY, config).box[:2] == (8, 0)


def test_a_change_of_size_is_held_against_a_cell() -> None:
    answer = flat(TINY)
    answer.target[8, 4], answer.target[8, 12] = 3.1, 3.0
    answer.boxes[2:, 8, 4] *= 2
    assert decide(answer, TINY, HEAD_ALONE).box[0] == -32
    config = HEAD_ALONE.model_copy(update={"size_penalty": 0.1})
    assert decide(answer, TINY, config).box[0] == 32


def test_the_place_is_shared_with_the_correlations_peak_nearby() -> None:
    answer = flat()._replace(response=bump(10, 0))
    answer.target[8, 8] = 9
    config = HEAD_ALONE.model_copy(update={"peak_share": 0.5})
    assert decide(answer, BELIEVED, config).box == pytest.approx((5, 0, 60, 40))


@pytest.mark.parametrize(("x", "y"), [(0, 0), (10, -5), (-53, 33)])
def test_the_peak_of_a_parabola_is_found_between_cells(x: float, y: float) -> None:
    assert response_peak(bump(x, y), x + 5, y - 5) == pytest.approx((x, y), abs=1e-3)


def test_a_far_peak_is_not_taken() -> None:
    x, y = response_peak(bump(50, 0), 0.0, 0.0)
    assert (x, y) == (20, 0)  # the last cell that is looked at, and half a cell


def test_a_flat_response_has_its_peak_at_the_place_itself() -> None:
    assert response_peak(np.zeros((SIZE, SIZE), np.float32), 3.0, -2.0) == (3.0, -2.0)


def test_a_peak_on_the_rim_or_a_place_beyond_it_is_no_error() -> None:
    assert response_peak(bump(64, 64), 200.0, 200.0) == (64, 64)


def test_the_margin_is_the_peak_over_the_highest_beside_the_box() -> None:
    belief = np.full((SIZE, SIZE), -3.0, np.float32)
    belief[8, 8], belief[8, 10], belief[2, 3] = 5, 4, 1.5
    wide = (0.0, 0.0, 60.0, 40.0)  # cell (8, 10) is 16 pixels away, inside
    assert second_peak_margin(belief, wide) == pytest.approx(3.5)
    assert second_peak_margin(belief, (0, 0, 8, 8)) == pytest.approx(3.5)  # as if 40 wide
    elsewhere = ((3 - 8) * 8.0, (2 - 8) * 8.0, 60.0, 40.0)
    assert second_peak_margin(belief, elsewhere) == pytest.approx(-3.5)


def test_without_cells_on_both_sides_there_is_no_margin() -> None:
    belief = np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    assert second_peak_margin(belief, (0, 0, 400, 400)) == 0
    assert second_peak_margin(belief, (500, 0, 60, 40)) == 0


def test_a_decision_says_what_it_rests_on() -> None:
    answer = flat()
    answer.target[3, 12], answer.quality[3, 12], answer.response[3, 12] = 5, 2, 1
    decision = decide(answer, BELIEVED, HEAD_ALONE)
    assert (decision.quality, decision.margin) == (2, 5)  # nothing is believed elsewhere
    both = HEAD_ALONE.model_copy(update={"response_weight": 0.5})
    assert decide(answer, BELIEVED, both).margin == 3


def test_what_else_looks_like_the_target_comes_along_the_likeliest_first() -> None:
    answer = flat(TINY)
    answer.target[:] = -9
    answer.target[8, 8], answer.target[2, 3], answer.target[14, 12] = 5, 2, 4
    answer.target[5, 12] = -1  # 27% of the best score
    answer.boxes[:, 2, 3] = (-40, -48, 7, 5)
    decision = decide(answer, TINY, HEAD_ALONE)
    assert decision.box == (0, 0, 6, 4)
    assert [other.box for other in decision.others] == [(32, 48, 6, 4), (-40, -48, 7, 5)]
    assert [other.margin for other in decision.others] == [-1, -3]
    assert not any(other.others for other in decision.others)


def test_one_thing_is_one_answer_and_three_others_are_enough() -> None:
    answer = flat()
    answer.target[:] = -9
    answer.target[8, 7:10] = 5  # boxes that overlap
    assert decide(answer, BELIEVED, HEAD_ALONE).others == ()
    answer.target[::4, ::4] = 5
    assert len(decide(answer, BELIEVED, HEAD_ALONE).others) == 3


def test_the_window_is_hanns_around_a_place() -> None:
    hann = np.hanning(SIZE + 2)[1:-1]
    assert window_around(SIZE, (0, 0)) == pytest.approx(np.outer(hann, hann), abs=1e-6)
    moved = window_around(SIZE, (16, -24))  # two cells to the right and three up
    assert moved[:-3, 2:] == pytest.approx(np.outer(hann, hann)[3:, :-2], abs=1e-6)
    assert moved[5, 10] == 1
    assert (moved[-1] == 0).all()  # ten and more cells below the peak
    assert (window_around(SIZE, (500, 0)) == 0).all()


def test_of_two_alike_the_one_near_the_last_place_is_taken() -> None:
    answer = flat(TINY)
    answer.target[:] = -9
    answer.target[8, 8] = answer.target[2, 8] = 3  # in the middle, and 48 pixels above it
    config = HEAD_ALONE.model_copy(update={"window_influence": 0.1})
    assert decide(answer, TINY, config).box[:2] == (0, 0)
    assert decide(answer, TINY, config, (0, -20)).box[:2] == (0, 0)
    assert decide(answer, TINY, config, (0, -28)).box[:2] == (0, -48)
