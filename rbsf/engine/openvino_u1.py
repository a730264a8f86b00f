"""A packed network on OpenVINO's BinaryConvolution, for where the C++ extension is not built.

Its features equal those of `rbsf.engine.integer`. OpenVINO's CPU plugin uses its 8-bit and 1-bit
kernels only for the patterns that it recognises. These patterns shape the graphs below:

- A FakeQuantize of 256 levels that changes nothing makes the convolution of the pixels an 8-bit
  one. A FakeQuantize of two levels is a threshold, x > t. Its outputs are (0, 1), or (1, 0) for a
  flip, and between binary convolutions without a pool it is fused. The 8-bit passes break the
  second kind (OpenVINO 2026.4 crashes). So the pixels and the bits are two graphs.
- A processor without VNNI adds two 8-bit products in 16 bits, where large ones saturate and sums
  come out wrong. There the pixels are convolved in float32, which is exact for sums below 2^24.
- The maximum over a window reaches a threshold exactly if one of its values does. So pools of sums,
  which OpenVINO has, replace pools of bits, which it lacks.
- A BinaryConvolution has no groups. So a layer is computed in pieces. Each piece reads one group
  and is read by one group, and no map is ever split.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset8 as op

from rbsf.engine.crops import checked_crops
from rbsf.engine.format import PackedLayer, PackedNetwork
from rbsf.engine.origin import Reloadable
from rbsf.errors import InputError

Node = Any
"""An operation of OpenVINO's graph, whose value is N x C x h x w."""

_EXACT = 2**24
"""A threshold beyond the sums of any packed network, and the largest integer that is exact in
float32 along with all below it."""


def latency_settings(threads: int) -> dict[str, Any]:
    """OpenVINO's settings for one batch at a time in float32, where some machines take bfloat16.

    Args:
        threads: How many threads OpenVINO uses. 0 leaves the choice to OpenVINO.
    """
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }


class OpenVinoEmbedder(Reloadable):
    """A packed network as an Embedder (see `rbsf.embedder.Embedder`).

    Args:
        network: The network to run.
        name: The name that reports show.
        weights_sha256: The hash of the network's file; empty for a network in memory.
        threads: How many threads OpenVINO uses. None leaves the choice to OpenVINO.

    Raises:
        InputError: A layer has groups of channels that OpenVINO's kernels compute wrongly, or gives
            levels, of which OpenVINO has no binary convolution.
    """

    engine = "openvino"
    path = ""

    def __init__(
        self,
        network: PackedNetwork,
        name: str = "network",
        weights_sha256: str = "",
        threads: int | None = None,
    ) -> None:
        for number, layer in enumerate(network.layers, 1):
            if layer.output == "levels":
                raise InputError(
                    f"{name}: layer {number} gives levels, and OpenVINO convolves bits alone: "
                    "choose engine torch"
                )
        for number, layer in enumerate(network.layers[1:], 2):
            if layer.inputs // layer.groups % 8:
                raise InputError(
                    f"{name}: OpenVINO reads bits by eights, and layer {number} has groups of "
                    f"{layer.inputs // layer.groups} channels: choose engine torch"
                )
        self.network, self.name, self.weights_sha256 = network, name, weights_sha256
        self.response_gain = network.response_gain
        self.response_bias = network.response_bias
        last = network.layers[-1]
        assert last.scale is not None and last.bias is not None
        self._scale, self._bias = (v.reshape(-1, 1, 1) for v in (last.scale, last.bias))
        self._settings = latency_settings(threads or 0)
        self._core = ov.Core()
        self._in_8_bits = _sums_of_8_bits_are_exact(self._core)
        self._compiled: dict[tuple[int, ...], tuple[Any, Any]] = {}

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        crops = checked_crops(crops)
        if crops.shape not in self._compiled:
            self._compiled[crops.shape] = self._compile(crops.shape)
        pixels, bits = self._compiled[crops.shape]
        sums = pixels([crops], share_inputs=True, share_outputs=True)
        (features,) = bits(list(sums.values()), share_inputs=True).values()
        features *= self._scale  # OpenVINO would fuse the two and round once
        features += self._bias
        result: NDArray[np.float32] = features
        return result

    def _compile(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        pixels = pixels_model(self.network, shape, in_8_bits=self._in_8_bits)
        bits = bits_model(self.network, [tuple(output.shape) for output in pixels.outputs])
        first, second = (
            self._core.compile_model(model, "CPU", self._settings) for model in (pixels, bits)
        )
        return first, second


def pixels_model(network: PackedNetwork, shape: tuple[int, ...], *, in_8_bits: bool) -> ov.Model:
    """The graph from crops to the first layer's pooled sums, one map per group of the second layer.

    Args:
        network: The packed network.
        shape: The shape of the crops, (N, S, S, 3).
        in_8_bits: Whether the convolution is computed in 8 bits, and otherwise in float32.
    """
    crops = op.parameter(list(shape), np.uint8)
    real = op.convert(crops, "f32")
    pixels = op.transpose(_integers(real, 0, 255) if in_8_bits else real, [0, 3, 1, 2])
    first, second = network.layers[:2]
    sums = _sums(first, [pixels], second.groups, in_8_bits=in_8_bits)
    return ov.Model(sums, [crops], "pixels")


def _sums_of_8_bits_are_exact(core: ov.Core) -> bool:
    """Whether this processor convolves in 8 bits without saturating, tried on the largest sum."""
    crops = op.parameter([1, 23, 23, 3], np.uint8)
    pixels = op.transpose(_integers(op.convert(crops, "f32"), 0, 255), [0, 3, 1, 2])
    filters = _integers(op.constant(np.full((96, 3, 11, 11), 127, np.float32)), -127, 127)
    node = op.convolution(pixels, filters, [2, 2], [0, 0], [0, 0], [1, 1])
    model = core.compile_model(ov.Model([node], [crops], "probe"), "CPU", latency_settings(1))
    (sums,) = model([np.full((1, 23, 23, 3), 255, np.uint8)]).values()
    return bool((sums == 3 * 11 * 11 * 255 * 127).all())


def bits_model(network: PackedNetwork, shapes: list[tuple[int, ...]]) -> ov.Model:
    """The graph from the first layer's pooled sums to the last layer's sums (N, C, h, w).

    Args:
        network: The packed network.
        shapes: The shapes of the first layer's maps, one per group of the second layer.
    """
    inputs = [op.parameter(list(shape), np.float32) for shape in shapes]
    readers = [layer.groups for layer in network.layers[2:]] + [1]
    sums: list[Node] = list(inputs)
    for before, layer, groups in zip(network.layers, network.layers[1:], readers, strict=False):
        bits = [_bits(before, node, group, len(sums)) for group, node in enumerate(sums)]
        sums = _sums(layer, bits, groups)
    return ov.Model(sums, inputs, "bits")


def _sums(
    layer: PackedLayer, groups: list[Node], readers: int, *, in_8_bits: bool = True
) -> list[Node]:
    """A layer's pooled sums, in as many groups as the next layer has."""
    count = math.lcm(layer.groups, readers)
    pieces = [
        _piece(layer, groups[piece * layer.groups // count], piece, count, in_8_bits)
        for piece in range(count)
    ]
    width = count // readers
    return [_joined(pieces[at : at + width]) for at in range(0, count, width)]


def _piece(layer: PackedLayer, group: Node, piece: int, count: int, in_8_bits: bool) -> Node:
    """One of `count` equal parts of a layer's outputs."""
    weights = np.split(layer.weights, count)[piece]
    window = [layer.stride] * 2, [0, 0], [0, 0], [1, 1]
    if layer.kind == "pixels":
        filters = op.constant(weights.astype(np.float32))
        filters = _integers(filters, -127, 127) if in_8_bits else filters
        node = op.convolution(group, filters, *window)
    else:
        node = op.binary_convolution(group, _filters(weights), *window, "xnor-popcount", 0.0)
    if layer.pool:
        node = op.max_pool(node, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3]).output(0)
    return node


def _joined(pieces: list[Node]) -> Node:
    return op.concat(pieces, 1) if len(pieces) > 1 else pieces[0]


def _integers(values: Node, lowest: int, highest: int) -> Node:
    """The same values, marked as integers. A convolution of two of these is an 8-bit one."""
    low, high = (op.constant(np.float32(edge)) for edge in (lowest, highest))
    return op.fake_quantize(values, low, high, low, high, highest - lowest + 1)


def _filters(weights: NDArray[np.int8]) -> Node:
    """Filters of +-1 as one bit each, lowest bit first as the kernels read them.

    A constant made from numbers has another order.
    """
    own = ov.Tensor(ov.Type.u1, ov.Shape(weights.shape))
    own.data[:] = np.packbits(weights.ravel() > 0, bitorder="little")
    return ov.op.Constant(own)


def _bits(layer: PackedLayer, sums: Node, group: int, count: int) -> Node:
    """1 for +1 and 0 for -1, from one of `count` groups of a layer's sums."""
    assert layer.thresholds is not None and layer.flips is not None
    below = np.split(layer.thresholds.astype(np.int64) - 1, count)[group]
    flips = np.split(layer.flips, count)[group]
    edge = _column(np.clip(below, -_EXACT, _EXACT))
    return op.fake_quantize(sums, edge, edge, _column(flips), _column(~flips), 2)


def _column(values: NDArray[Any]) -> Node:
    return op.constant(values.astype(np.float32).reshape(1, -1, 1, 1))
