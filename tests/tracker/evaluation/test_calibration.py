"""The pairs of crops that an 8-bit head is calibrated on are those that a tracker would cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_data import write_got10k

from rbsf.errors import InputError
from rbsf.geometry import context_side, crop_square_reference, mean_color
from tracker.evaluation.calibration import calibration_pairs, rendered_pairs
from tracker.video.synthetic import render


def test_rendered_pairs_are_crops_around_the_box_before():
    pairs = rendered_pairs(10)
    assert len(pairs) == 10
    for exemplar, search, believed in pairs:
        assert (exemplar.shape, search.shape) == ((1, 127, 127, 3), (1, 255, 255, 3))
        assert exemplar.dtype == search.dtype == np.uint8
        w, h = believed
        # SiamFC's context: the exemplar's square has a side of sqrt((w + p) (h + p)), p = (w + h)/2
        assert np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)) == pytest.approx(127)
    (first, box), (second, _) = list(render(2))
    side = context_side(box.w, box.h)
    right = crop_square_reference(first, box.center, side, 127, mean_color(first))[..., ::-1]
    assert np.abs(pairs[0].exemplar[0].astype(int) - right).mean() < 3
    wide = crop_square_reference(second, box.center, side * 255 / 127, 255, mean_color(first))
    assert np.abs(pairs[0].search[0].astype(int) - wide[..., ::-1]).mean() < 3


def test_another_clip_shows_another_scene():
    before, last, other = rendered_pairs(9)[6:]
    assert np.array_equal(before.exemplar, last.exemplar)
    assert not np.array_equal(last.exemplar, other.exemplar)
    near, far = (np.abs(p.search.astype(int) - last.search).mean() for p in (before, other))
    assert far > 1.5 * near


def test_real_pairs_come_from_tracks_that_are_not_held_out(tmp_path: Path):
    write_got10k(tmp_path, sequences=10, frames=12)
    pairs = calibration_pairs(tmp_path, 12)
    assert 8 <= len(pairs) <= 12  # of ten tracks two are held out
    again = calibration_pairs(tmp_path / "got10k", 12)
    assert [p.believed for p in again] == [p.believed for p in pairs]
    for held_out in ("seq0", "seq8"):
        for image in (tmp_path / "got10k" / "train" / held_out).glob("*.jpg"):
            image.unlink()
    assert len(calibration_pairs(tmp_path, 12)) == len(pairs)


def test_a_folder_without_tracks_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"train/list\.txt"):
        calibration_pairs(tmp_path)
