"""What an eye makes of the last place of its target, in a crop of another scale than the frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from perfect_network import FRAME, PerfectNetwork

from rbsf.engine.torch_box import BoxAnswer
from rbsf.geometry import Box
from tracker.loop.box_correction import CorrectionConfig
from tracker.loop.box_decision import DecisionConfig
from tracker.loop.box_look import Eye, search_side

GREY = np.full(FRAME, 90, np.uint8)


class SeesTwo(PerfectNetwork):
    """Sees two that are alike: in the middle of the crop, and 48 of its pixels up and left."""

    def search(self, exemplar: Any, crop: NDArray[np.uint8], believed: Any) -> BoxAnswer:
        answer = super().search(exemplar, crop, believed)
        for logits in answer[:3]:
            logits[8, 8] = logits[2, 2] = self.score
        return answer


@pytest.mark.parametrize("side", [20, 120])  # scales of 0.3 and 1.9
def test_the_last_place_counts_in_the_frames_pixels(side: int) -> None:
    box = Box.from_center(160, 120, side, side)
    scale = search_side(box) / 255
    eye = Eye(SeesTwo(), GREY, box, DecisionConfig(), CorrectionConfig(share=0))

    def found(right: float, down: float) -> list[float]:
        """Where it is found, if it was last seen there. All are pixels of the crop."""
        x, y = eye.look(GREY, box, (160 + right * scale, 120 + down * scale)).box.center
        return [(x - 160) / scale, (y - 120) / scale]

    assert eye.look(GREY, box).box.center == pytest.approx((160, 120))
    assert found(-20, -24) == pytest.approx([0, 0], abs=1e-6)
    assert found(-28, -24) == pytest.approx([-48, -48])
    assert found(-24, -28) == pytest.approx([-48, -48])
    assert found(28, 24) == pytest.approx([0, 0], abs=1e-6)
