"""Boxes of every size are cropped or refused, and implausible ones are remarked upon."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from rbsf.errors import InputError
from rbsf.geometry import (
    LARGEST_PATCH,
    Box,
    check_box,
    context_side,
    crop_square,
    crop_square_reference,
    doubt_about,
)
from tracker.commands.options import parse_bbox

SIZE = (640, 480)


@pytest.mark.parametrize(
    ("box", "meant"),
    [
        ((300, 100, 620, 400), "if it is two corners, it must be 300,100,320,300"),
        ((0, 0, 1, 1), "fractions of the frame are to be multiplied by 640x480"),
        ((-300, -200, 2000, 1500), "larger than the frame of 640x480"),
    ],
)
def test_an_implausible_box_is_remarked_upon(
    capsys: pytest.CaptureFixture[str], box: tuple[float, ...], meant: str
) -> None:
    x, y, w, h = box
    assert parse_bbox(",".join(map(str, box)), SIZE) == Box(*box)
    remark = capsys.readouterr().err
    assert f"read as left {x}, top {y}, width {w}, height {h}" in remark and meant in remark
    assert remark.count("\n") == 1


@pytest.mark.parametrize(
    "box",
    [(10, 20, 30, 40), (-10, 20, 30, 40), (600, 400, 90, 120), (0, 0, 640, 480), (5, 5, 1, 1)],
)
def test_a_plausible_box_is_not(box: tuple[float, ...]) -> None:
    assert doubt_about(Box(*box), SIZE) is None


def attack_with_boxes(folder: Path, count: int, seed: int) -> list[str]:
    """Crops `count` random boxes, with and without parity. Returns what was mishandled."""
    draw, mishandled = random.Random(seed), []
    frame = np.full((48, 64, 3), 90, np.uint8)

    def number() -> float:
        exact = draw.choice(
            [0, 0.1, 0.5, 1, -1, 64, 1e9, -1e300, 2e300, float("inf"), float("nan")]
        )
        return draw.choice([exact, draw.uniform(-80, 160), draw.lognormvariate(0, 6)])

    for _ in range(count):
        box = [number() for _ in range(4)]
        try:
            checked = check_box(box, (64, 48))
            doubt_about(checked, (64, 48))
            side = context_side(checked.w, checked.h, draw.choice([0.0, 0.5, 4.0]))
            for zoom in (1e-6, 1.0, 2.0, 100.0, 1e6):
                for crop in (crop_square, crop_square_reference):
                    out = crop(frame, checked.center, side * zoom, 127, (90, 90, 90))
                    assert out.shape == (127, 127, 3)
                    assert (out == 90).all()  # the frame and what lies outside are of one colour
        except InputError:
            continue
        except Exception as error:
            mishandled.append(f"{box}: {error!r}")
    return mishandled


def test_every_box_is_cropped_or_refused(tmp_path: Path) -> None:
    assert attack_with_boxes(tmp_path, 100, seed=0) == []


def test_a_square_too_large_for_the_reference_is_sampled_all_the_same() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    center, fill = (30.0, 20.0), (9.0, 9.0, 9.0)
    side = LARGEST_PATCH + 1.0
    expected = crop_square(frame, center, side, 127, fill)
    assert (crop_square_reference(frame, center, side, 127, fill) == expected).all()
