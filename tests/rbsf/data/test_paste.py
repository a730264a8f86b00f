"""What is pasted: distractors never touch the target, occluders cover a part of it."""

from __future__ import annotations

import numpy as np

from rbsf.data.paste import leave_behind, middle_to, occlude, paste_beside
from rbsf.data.thing import Image, Thing

BOX = (20.0, -10.0, 60.0, 60.0)


def grey_view() -> Image:
    return np.full((255, 255, 3), 90, np.uint8)


def red_thing(size: tuple[float, float] = (101.0, 51.0), side: int = 399) -> Thing:
    """A red rectangle in the middle of a crop that is otherwise blue."""
    crop = np.full((side, side, 3), (0, 0, 255), np.uint8)
    w, h = (int(length) for length in size)
    left, top = (side - w) // 2, (side - h) // 2
    crop[top : top + h, left : left + w] = (255, 0, 0)
    return Thing(crop, size, (0, 0, side, side))


def test_a_distractor_leaves_the_target_free() -> None:
    for seed in range(30):
        view = grey_view()
        paste_beside(view, BOX, red_thing(), np.random.default_rng(seed))
        target = view[127 - 10 - 28 : 127 - 10 + 28, 127 + 20 - 28 : 127 + 20 + 28]
        assert (target == 90).all()


def test_a_distractor_is_the_other_thing_and_about_as_large_as_the_target() -> None:
    seen = []
    for seed in range(60):
        view = grey_view()
        paste_beside(view, BOX, red_thing(), np.random.default_rng(seed))
        red, blue = (view[..., c].astype(int) - view[..., 2 - c] > 127 for c in (0, 2))
        inside = [red.any(axis=axis)[0] or red.any(axis=axis)[-1] for axis in (0, 1)]
        assert blue.sum() < 0.2 * red.sum() + 30  # of its surroundings, an ellipse has little
        if red.any() and not any(inside):  # it is whole
            columns, rows = red.any(axis=0).sum(), red.any(axis=1).sum()
            assert 1.5 < columns / rows < 2.5  # 101 / 51
            seen.append(columns * rows)
    assert len(seen) > 20
    assert 0.65**2 < min(seen) / 3600 < max(seen) / 3600 < 1.5**2


def test_an_occluder_covers_a_part_of_the_target_and_nothing_else() -> None:
    for seed in range(30):
        view = grey_view()
        view[127 - 30 : 127 + 10, 127 - 10 : 127 + 50] = (255, 0, 0)
        before = view.copy()
        occlude(view, (20.0, -10.0, 60.0, 40.0), np.random.default_rng(seed))
        rows, columns = np.nonzero((view != before).any(axis=2))
        assert len(rows) < 0.5 * 60 * 40
        if len(rows):
            assert rows.min() >= 127 - 31
            assert rows.max() <= 127 + 11
            assert columns.min() >= 127 - 11
            assert columns.max() <= 127 + 51


def test_what_covers_the_exemplar_stands_beside_the_target_later() -> None:
    seen = 0
    for seed in range(30):
        exemplar, view = np.full((127, 127, 3), 90, np.uint8), grey_view()
        leave_behind(exemplar, (50, 40), view, BOX, red_thing(), np.random.default_rng(seed))
        rows, columns = np.nonzero((exemplar != 90).any(axis=2))
        assert 0 < len(rows) < 0.5 * 50 * 40
        assert 63 - 21 <= rows.min() <= rows.max() <= 63 + 21
        assert 63 - 26 <= columns.min() <= columns.max() <= 63 + 26
        target = view[127 - 10 - 28 : 127 - 10 + 28, 127 + 20 - 28 : 127 + 20 + 28]
        assert (target == 90).all()
        larger = np.nonzero((view != 90).any(axis=2))
        if len(larger[0]):  # else no place was free
            seen += 1
            for small, large in zip((rows, columns), larger, strict=True):
                length = np.ptp(small) + 1
                assert abs(np.ptp(large) + 1 - length * (60 * 60 / (50 * 40)) ** 0.5) <= 1
            # the same piece: about as red
            red = [(image[..., 0] == 255).sum() for image in (exemplar, view)]
            assert abs(red[0] / len(rows) - red[1] / len(larger[0])) < 0.2
    assert seen > 20


def test_a_piece_of_a_target_beyond_the_exemplar_fits_the_pictures() -> None:
    """A target twenty times as wide as it is high is wider than an exemplar of its context."""
    for seed in range(60):
        exemplar, view = np.full((127, 127, 3), 90, np.uint8), grey_view()
        wide = (0.0, 60.0, 400.0, 20.0)
        leave_behind(exemplar, (136, 7), view, wide, red_thing(), np.random.default_rng(seed))
        assert (exemplar != 90).any()


def test_the_middle_goes_to_the_point() -> None:
    image, linear = np.zeros((11, 21, 3), np.uint8), np.array([[0.0, -2.0], [3.0, 0.5]])
    placed = middle_to(np.array([7.0, 4.0]), linear, image)
    assert np.allclose(placed @ [10, 5, 1], [7, 4])
    assert np.allclose(placed @ [11, 5, 1], [7, 7])
