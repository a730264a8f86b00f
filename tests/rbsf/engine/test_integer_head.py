"""The head in 8 bits: what it computes by the definitions, and how near it is to the float head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rbsf.engine import pack_head
from rbsf.engine.box_answer import (
    LARGEST_GROWTH,
    SHIFT_UNIT,
    STRIDE,
    TYPICAL_SIDE,
    decode_boxes,
    relative_size,
)
from rbsf.engine.fuzz import random_head
from rbsf.engine.integer_head import _run
from rbsf.engine.packed_head import HeadLayer
from rbsf.nn import backbone, box_head


def test_the_constants_are_those_of_the_float_network():
    ours = (STRIDE, SHIFT_UNIT, TYPICAL_SIDE, LARGEST_GROWTH)
    theirs = box_head.SHIFT_UNIT, box_head.TYPICAL_SIDE, box_head.LARGEST_GROWTH
    assert ours == (backbone.STRIDE, *theirs)
    assert relative_size(TYPICAL_SIDE) == 0


def test_boxes_are_decoded_as_torch_does():
    codes = np.random.default_rng(0).normal(0, 1, (4, 17, 17)).astype(np.float32)
    believed = (40.0, 90.0)
    theirs = box_head.decode_boxes(torch.from_numpy(codes)[None], torch.tensor([believed]))
    assert np.allclose(decode_boxes(codes, believed), theirs[0].numpy(), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("depthwise", "centred"), [(False, 0), (False, 3), (True, 0)])
def test_a_folded_layer_is_that_of_torch_but_for_rounded_weights(depthwise, centred):
    """|v - v'| <= sum of |x| times half of a unit, where v' has the weights in 8 bits."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    conv = nn.Conv2d(5, 5, 3, groups=5) if depthwise else nn.Conv2d(5, 7, 1)
    conv.bias = None
    norm = nn.BatchNorm2d(conv.out_channels).eval()
    for values in (norm.running_mean, norm.weight, norm.bias):
        nn.init.normal_(values)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    reads, gives = np.full(5, 0.02), np.full(conv.out_channels, 0.03)
    with torch.no_grad():
        folded = pack_head._fold(nn.Sequential(conv, norm), reads, gives, centred)
        quantised = rng.integers(0, 256, (5, 3, 3))
        centre = np.where(np.arange(5) >= 5 - centred, 128, 0)[:, None, None]
        x = 0.02 * (quantised - centre)
        right = norm(conv(torch.from_numpy(x).float()[None]))[0].double().numpy()
    if depthwise:
        sums = (folded.weights.astype(int) * quantised).sum(axis=(1, 2))[:, None, None]
        reach = np.abs(x).sum(axis=(1, 2))[:, None, None]
    else:
        sums = np.tensordot(folded.weights.astype(int), quantised, axes=1)
        reach = np.abs(x).sum(axis=0)
    scale, bias = folded.scale[:, None, None].astype(float), folded.bias[:, None, None]
    mine = (sums * scale + bias) * 0.03
    unit = scale * 0.03 / 0.02
    assert (np.abs(mine - right) <= reach * unit / 2 + 1e-5).all()
    assert np.abs(folded.weights).max() == 127


def test_steps_reach_the_largest_value_of_what_is_spread_evenly():
    values = torch.linspace(0, 51, 4096).reshape(1, 2, 32, 64)
    assert pack_head._steps([values]) == pytest.approx([0.2, 0.2], rel=0.06)
    signed = pack_head._steps([values - 25.5], signed=True)
    assert signed == pytest.approx([25.5 / 127] * 2, rel=0.06)


def test_a_value_that_is_rare_enough_is_clamped():
    """The cube of its clamping, in the mean, is less than what finer steps save elsewhere."""
    values = torch.linspace(0, 1, 10**6)
    values[0] = 1.05
    (step,) = pack_head._steps([values.reshape(1, 1, 1000, 1000)])
    assert step == pytest.approx(0.95 * 1.05 / 255)
    values[:1000] = 1.05
    (step,) = pack_head._steps([values.reshape(1, 1, 1000, 1000)])
    assert step == pytest.approx(1.05 / 255)


def by_hand(layer: HeadLayer, maps: np.ndarray, y: int, x: int) -> list[int]:
    """One pixel of what a layer gives, term by term."""
    out = []
    for o, weights in enumerate(layer.weights.astype(int)):
        total = 0
        for index in np.ndindex(weights.shape):
            at = (y + index[0], x + index[1], o) if weights.ndim == 2 else (y, x, index[0])
            total += int(weights[index]) * int(maps[at])
        value = np.float32(total) * layer.scale[o] + layer.bias[o]
        out.append(round(min(max(float(value), 0), 255)))  # Python rounds half to even
    return out


def test_a_layer_gives_what_the_format_says():
    rng = np.random.default_rng(1)
    head = random_head(rng, 5, 4)
    maps = rng.integers(0, 256, (9, 8, 40), dtype=np.uint8)
    deep = _run(maps, head.to_grid)
    assert deep.shape == (4, 3, 40)
    assert deep[2, 1].tolist() == by_hand(head.to_grid, maps, 2, 1)
    wide = _run(maps[..., :5], head.of_search)
    assert wide[8, 7].tolist() == by_hand(head.of_search, maps, 8, 7)
    assert np.any((wide > 0) & (wide < 255))
