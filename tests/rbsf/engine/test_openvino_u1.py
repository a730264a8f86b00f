"""OpenVINO's BinaryConvolution gives the integer network's features, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("openvino")

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import PackedLayer, PackedNetwork, read_packed
from rbsf.engine.integer import IntegerEmbedder
from rbsf.engine.openvino_u1 import OpenVinoEmbedder
from rbsf.errors import InputError

SHAPES = {
    "groups split": [(48, 3, 2, 1, True), (48, 3, 1, 2, False), (6, 1, 1, 3, False)],
    "groups join": [(24, 5, 2, 1, False), (48, 3, 1, 3, True), (8, 3, 1, 2, False)],
    "uneven channels": [(72, 4, 3, 1, False), (40, 2, 1, 1, False), (5, 3, 1, 1, False)],
    "two layers": [(80, 3, 2, 1, True), (15, 3, 1, 5, False)],
}
"""The outputs, kernel, stride, groups and pool of each layer."""


def network_of(shapes: list[tuple[int, int, int, int, bool]], seed: int) -> PackedNetwork:
    """Makes a network of random weights, with thresholds amid the sums and constant channels."""
    rng = np.random.default_rng(seed)
    layers: list[PackedLayer] = []
    inputs = 3
    for number, (outputs, kernel, stride, groups, pool) in enumerate(shapes):
        shape = (outputs, inputs // groups, kernel, kernel)
        if number:
            weights = rng.choice(np.array([-1, 1], np.int8), shape)
            spread = kernel * (inputs // groups) ** 0.5
            middle = np.zeros(outputs)
        else:
            weights = rng.integers(-127, 128, shape).astype(np.int8)
            spread = kernel * 3**0.5 * 73 * 74  # the standard deviations of weights and of pixels
            middle = weights.sum(axis=(1, 2, 3), dtype=np.int64) * 127.5
        middle += spread * (1.5 * pool + 0.5 * rng.standard_normal(outputs))
        thresholds = middle.astype(np.int32)
        thresholds[0], thresholds[-1] = -(2**31), 2**31 - 1
        last = number == len(shapes) - 1
        values = rng.standard_normal((2, outputs)).astype(np.float32)
        layers.append(
            PackedLayer(
                "binary" if number else "pixels",
                *(inputs, outputs, kernel, stride, groups, pool, weights),
                thresholds=None if last else thresholds,
                flips=None if last else rng.random(outputs) < 0.5,
                scale=values[0] if last else None,
                bias=values[1] if last else None,
            )
        )
        inputs = outputs
    return PackedNetwork(tuple(layers), 2.0, -1.0, {})


@pytest.mark.parametrize("name", SHAPES)
def test_it_equals_the_integer_network(name):
    network = network_of(SHAPES[name], seed=len(name))
    crops = np.random.default_rng(1).integers(0, 256, (2, 31, 31, 3), dtype=np.uint8)
    expected = IntegerEmbedder(network, "torch")(crops)
    assert len(np.unique(expected)) > 2 * expected.shape[1]
    assert np.array_equal(OpenVinoEmbedder(network, threads=1)(crops), expected)


@pytest.mark.parametrize(("count", "side"), [(1, 127), (3, 255)])
def test_the_shipped_network_gives_the_same_features(count, side):
    network = read_packed(SHIPPED_RBSF)
    crops = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    expected = IntegerEmbedder(network, "torch")(crops)
    assert np.array_equal(OpenVinoEmbedder(network, threads=1)(crops), expected)


def test_channels_that_openvino_gets_wrong_are_refused():
    network = network_of([(24, 3, 2, 1, True), (6, 3, 1, 2, False)], 0)
    with pytest.raises(InputError, match=r"odd\.rbsf: .* layer 2 has groups of 12 channels"):
        OpenVinoEmbedder(network, "odd.rbsf")


def test_one_embedder_takes_crops_of_any_shape():
    network = read_packed(SHIPPED_RBSF)
    embedder = OpenVinoEmbedder(network, "mine", "abc", 1)
    shapes = [embedder(np.zeros((n, s, s, 3), np.uint8)).shape for n, s in ((1, 127), (2, 143))]
    assert shapes == [(1, 256, 6, 6), (2, 256, 8, 8)]
    assert (embedder.engine, embedder.path, embedder.name) == ("openvino", "", "mine")
    assert embedder.weights_sha256 == "abc"
    assert embedder.response_gain == network.response_gain


def test_a_network_of_levels_is_refused_with_what_runs_it():
    network = network_of(SHAPES["two layers"], 0)
    first = network.layers[0]
    levels = replace(first, thresholds=np.stack([first.thresholds] * 3))
    with pytest.raises(InputError, match=r"layer 1 gives levels.* choose engine torch"):
        OpenVinoEmbedder(replace(network, layers=(levels, *network.layers[1:])))


def test_features_of_one_call_outlive_the_next():
    embedder = OpenVinoEmbedder(network_of(SHAPES["two layers"], 0), threads=1)
    crops = np.random.default_rng(2).integers(0, 256, (2, 1, 31, 31, 3), dtype=np.uint8)
    first = embedder(crops[0])
    kept = first.copy()
    embedder(crops[1])
    assert np.array_equal(first, kept)


def test_strided_crops_are_taken():
    embedder = OpenVinoEmbedder(network_of(SHAPES["two layers"], 0), threads=1)
    crops = np.random.default_rng(3).integers(0, 256, (1, 62, 31, 3), dtype=np.uint8)[:, ::2]
    assert np.array_equal(embedder(crops), embedder(crops.copy()))
