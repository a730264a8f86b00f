"""The packed box head in numpy: the engine's arithmetic, step by step, on any machine.

Sums are integers, so their order does not matter. All else is in float32, with each rounding where
src/head.cpp has it. So the compiled head gives the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.format import PackedNetwork
from rbsf.engine.packed_head import CELLS, TOWER_KERNEL, Floats, HeadLayer, Tower

Bytes = NDArray[np.uint8]
Sums = NDArray[np.int32]

CENTRE = 128
"""The byte that stands for 0 where values can be negative."""


class Exemplar(NamedTuple):
    """What the head computes from an exemplar, once."""

    cells: NDArray[np.int8]
    """The features, in steps, (36, F)."""
    pixel: HeadLayer
    """The pixel-wise correlation as a 1x1 layer, (36, C)."""
    depthwise: HeadLayer
    """The depth-wise correlation as a layer, (C, 6, 6)."""
    to_grid: HeadLayer
    """The head's layer of that name, with the gate in its scales."""


class IntegerHead:
    """Runs the head of a packed network.

    Args:
        network: A packed network with a head.
    """

    def __init__(self, network: PackedNetwork) -> None:
        last, head = network.layers[-1], network.head
        assert head is not None and last.scale is not None and last.bias is not None
        self.head = head
        step = np.float32(head.feature_step)
        self.feature_scale, self.feature_bias = last.scale / step, last.bias / step + CENTRE
        gain = float(np.float32(network.response_gain))
        self.gain = np.float32(gain * float(step) * float(step))
        self.bias = np.float32(network.response_bias)

    def feature_bytes(self, sums: Sums) -> Bytes:
        """Rounds features to bytes.

        Args:
            sums: The sums S of the backbone's last layer, (h, w, F).
        """
        return _bytes(sums, self.feature_scale, self.feature_bias)

    def exemplar(self, feature: Bytes) -> Exemplar:
        """Prepares an exemplar from the bytes of its feature, (6, 6, F)."""
        head, cells = self.head, feature.reshape(CELLS**2, -1)
        z = _positive(_mixed(cells, head.of_exemplar.weights), head.of_exemplar)
        pixel, unit = _rounded_rows(z)
        pixel_scale = unit * np.float32(head.pixel_scale)
        depthwise, unit = _rounded_rows(np.ascontiguousarray(z.T))
        correlated_scale = unit * head.correlated_scale
        means = z.astype(np.float64).mean(axis=0)
        logits = head.gate.astype(np.float64) @ means + head.gate_bias
        with np.errstate(over="ignore"):  # 1 / infinity is the 0 that is meant
            gates = (1 / (1 + np.exp(-logits))).astype(np.float32)
        grid = head.to_grid
        gated = np.concatenate([grid.scale[: CELLS**2], grid.scale[CELLS**2 :] * gates])
        return Exemplar(
            np.maximum(cells.astype(np.int16) - CENTRE, -127).astype(np.int8),
            HeadLayer(pixel, pixel_scale, np.zeros(CELLS**2, np.float32)),
            HeadLayer(depthwise.reshape(-1, CELLS, CELLS), correlated_scale, head.correlated_bias),
            HeadLayer(grid.weights, gated, grid.bias),
        )

    def search(self, exemplar: Exemplar, feature: Bytes, sizes: Floats) -> Floats:
        """Computes the head's maps.

        Args:
            exemplar: What `exemplar` gave.
            feature: The bytes of the search's feature, (s, s, F).
            sizes: The logarithms of the believed width and height, relative to the typical side.

        Returns:
            The maps, (7, r, r) with r = s - 5: the response, the target's logits, the quality's
            logits, and the four codes of the boxes.
        """
        head = self.head
        response = self.respond(exemplar, feature)
        x = _run(feature, head.of_search)
        pixels = _run(x, exemplar.pixel)
        searched = _run(np.concatenate([pixels, x], axis=2), exemplar.to_grid)
        correlated = _run(x, exemplar.depthwise)
        both = np.concatenate([searched, correlated], axis=2)
        of_response, of_width, of_height = head.beside.T
        bias = head.mix.bias + of_width * sizes[0] + of_height * sizes[1]
        bias = bias + of_response * response[:, :, None]
        mixed = _bytes(_mixed(both, head.mix.weights), head.mix.scale, bias)
        maps = [_answers(mixed, tower) for tower in (head.place, head.size)]
        return np.concatenate([response[None], *maps])

    def respond(self, exemplar: Exemplar, feature: Bytes) -> Floats:
        """The response (r, r) to the bytes of a search's feature, (s, s, F)."""
        products = _mixed(feature, exemplar.cells)
        products -= CENTRE * exemplar.cells.sum(axis=1, dtype=np.int32)
        side = len(feature) - CELLS + 1
        total = np.zeros((side, side), np.int32)
        for cell in range(CELLS**2):
            y, x = divmod(cell, CELLS)
            total += products[y : y + side, x : x + side, cell]
        return total.astype(np.float32) * self.gain + self.bias


def _run(maps: Bytes, layer: HeadLayer, pad: int = 0) -> Bytes:
    """A layer from bytes to bytes, (h, w, inputs) -> (h', w', outputs)."""
    return _bytes(_sums(maps, layer, pad), layer.scale, layer.bias)


def _sums(maps: Bytes, layer: HeadLayer, pad: int = 0) -> Sums:
    if layer.weights.ndim == 2:
        return _mixed(maps, layer.weights)
    maps = np.pad(maps, ((pad, pad), (pad, pad), (0, 0)))
    kernel = layer.weights.shape[1]
    height, width = (side - kernel + 1 for side in maps.shape[:2])
    total = np.zeros((height, width, maps.shape[2]), np.int32)
    for y in range(kernel):
        for x in range(kernel):
            total += maps[y : y + height, x : x + width] * layer.weights[:, y, x].astype(np.int32)
    return total


def _mixed(maps: Bytes, weights: NDArray[np.int8]) -> Sums:
    """The sums of a 1x1 layer. Their magnitude is far below 2^53, so float64 has them exactly."""
    return (maps.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int32)


def _bytes(sums: Sums, scale: Floats, bias: Floats) -> Bytes:
    values = sums.astype(np.float32) * scale + bias
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _positive(sums: Sums, layer: HeadLayer) -> Floats:
    values: Floats = np.maximum(sums.astype(np.float32) * layer.scale + layer.bias, 0)
    return values


def _answers(mixed: Bytes, tower: Tower) -> Floats:
    """A tower's maps, (maps, r, r)."""
    maps, (first, second, third, fourth) = mixed, tower.layers
    maps = _run(_run(maps, first, TOWER_KERNEL // 2), second)
    maps = _run(maps, third, TOWER_KERNEL // 2)
    values = _positive(_mixed(maps, fourth.weights), fourth)
    total = np.broadcast_to(tower.answer_bias, (*values.shape[:2], len(tower.answer)))
    for channel in range(values.shape[2]):  # one by one, as the engine adds them
        total = total + values[:, :, channel, None] * tower.answer[:, channel]
    return np.ascontiguousarray(total.transpose(2, 0, 1))


def _rounded_rows(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Rounds rows of numbers that are not negative to 0..127, and gives each row's unit."""
    largest = rows.max(axis=1)
    unit = np.where(largest > 0, largest, np.float32(1)) / np.float32(127)
    return np.rint(rows / unit[:, None]).astype(np.int8), unit
