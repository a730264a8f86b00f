"""The head on compiled kernels: every path gives the bits of the numpy reference."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import network_of

from rbsf.engine.format import PackedNetwork, read_packed, to_bytes, write_packed
from rbsf.engine.fuzz import random_head
from rbsf.engine.integer_head import IntegerHead
from rbsf.engine.packed_box import PackedBoxNetwork
from rbsf.errors import InputError

kernels = pytest.importorskip("rbsf.engine._kernels")

every_path = pytest.mark.parametrize("path", kernels.paths())
EXEMPLAR = 17
"""The side of crops whose features are 6 x 6 in a network of `random_box_network`."""


def random_box_network(rng: np.random.Generator, features: int, channels: int) -> PackedNetwork:
    """Two layers, on levels, and a head. Features of a few steps, so that bytes seldom clamp."""
    plain = network_of(rng, (8, 4, 2, 1, False, 0, True), (features, 2, 1, 1, False, 0))
    last = plain.layers[-1]
    scale = rng.uniform(0.1, 0.4, features).astype(np.float32)
    last = replace(last, scale=scale, bias=rng.normal(0, 2, features).astype(np.float32))
    head = random_head(rng, features, channels)
    return replace(plain, layers=(plain.layers[0], last), response_gain=0.01, head=head)


def feature_bytes(network: PackedNetwork, crop: np.ndarray, head: IntegerHead) -> np.ndarray:
    """The bytes of a crop's feature, from the sums that a scale of 1 shows."""
    first, last = network.layers
    ones, zeros = np.ones_like(last.scale), np.zeros_like(last.bias)
    bare = replace(network, layers=(first, replace(last, scale=ones, bias=zeros)), head=None)
    sums = kernels.Network(to_bytes(bare)).embed(crop)[0]
    return head.feature_bytes(sums.transpose(1, 2, 0).astype(np.int32))


def reference(network: PackedNetwork, exemplar, crop, sizes) -> np.ndarray:
    head = IntegerHead(network)
    made = head.exemplar(feature_bytes(network, exemplar, head))
    return head.search(made, feature_bytes(network, crop, head), np.array(sizes, np.float32))


def prepared(network, exemplar: np.ndarray):
    """An exemplar crop as the network searches for it."""
    return network.exemplar(network.exemplar_feature(exemplar))


def crops_of(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(
        rng.integers(0, 256, (1, size, size, 3), dtype=np.uint8) for size in (EXEMPLAR, side)
    )


@every_path
@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 70),
    st.integers(1, 100),
    st.integers(EXEMPLAR, 45),
    st.sampled_from([1, 2]),
)
def test_every_path_gives_the_bits_of_the_reference(path, seed, features, channels, side, threads):
    rng = np.random.default_rng(seed)
    network = random_box_network(rng, features, channels)
    exemplar, crop = crops_of(rng, side)
    sizes = rng.normal(0, 0.5, 2).tolist()
    packed = kernels.Network(to_bytes(network), path, threads)
    maps = packed.search(prepared(packed, exemplar), crop, *sizes)
    grid = packed.layers(crop)[-1].shape[-1] - 5
    assert maps.shape == (7, grid, grid)
    assert np.array_equal(maps, reference(network, exemplar, crop, sizes))


def test_the_reference_is_worth_comparing_with():
    """The maps of random heads differ from cell to cell, from exemplar to exemplar, and by size."""
    rng = np.random.default_rng(0)
    network = random_box_network(rng, 32, 48)
    exemplar, crop = crops_of(rng, 45)
    maps = reference(network, exemplar, crop, (0.0, 0.0))
    assert (maps.std(axis=(1, 2)) > 0).all()
    assert not np.array_equal(maps[1:], reference(network, 255 - exemplar, crop, (0, 0))[1:])
    assert not np.array_equal(maps[1:], reference(network, exemplar, crop, (0.5, 0))[1:])
    assert not np.array_equal(maps[1:], reference(network, exemplar, crop, (0, 0.5))[1:])


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    return random_box_network(rng, 16, 20), *crops_of(rng, 31)


@every_path
def test_one_network_in_many_threads_at_once(small, path):
    network, exemplar, crop = small
    packed = kernels.Network(to_bytes(network), path, 2)
    crops = [np.roll(crop, shift, axis=1) for shift in range(24)]
    made = prepared(packed, exemplar)
    alone = [packed.search(made, one, 0.1, 0.2) for one in crops]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: packed.search(made, one, 0.1, 0.2), crops))
    assert all(map(np.array_equal, alone, together))


def test_a_network_with_a_head_embeds_as_without(small):
    network, _, crop = small
    with_head, without = (
        kernels.Network(to_bytes(one)) for one in (network, replace(network, head=None))
    )
    with_head.search(prepared(with_head, crop[:, :EXEMPLAR, :EXEMPLAR].copy()), crop, 0, 0)
    assert np.array_equal(with_head.embed(crop), without.embed(crop))
    assert (with_head.has_head, without.has_head) == (True, False)


def test_what_the_head_cannot_use_is_refused(small):
    network, exemplar, crop = small
    packed, other = (kernels.Network(to_bytes(network)) for _ in range(2))
    plain = kernels.Network(to_bytes(replace(network, head=None)))
    made = prepared(packed, exemplar)
    with pytest.raises(ValueError, match="no box head"):
        plain.exemplar_feature(exemplar)
    with pytest.raises(ValueError, match="no box head"):
        plain.exemplar(packed.exemplar_feature(exemplar))
    with pytest.raises(ValueError, match="6 rows of cells, but crops of 31 have 13"):
        packed.exemplar_feature(crop)
    with pytest.raises(ValueError, match="feature has 576 bytes, not 540"):
        packed.exemplar(np.zeros((6, 6, 15), np.uint8))
    with pytest.raises(ValueError, match="too small"):
        packed.search(made, crop[:, : EXEMPLAR - 2, : EXEMPLAR - 2].copy(), 0, 0)
    with pytest.raises(ValueError, match="another network"):
        other.search(made, crop, 0, 0)
    with pytest.raises(ValueError, match="one crop"):
        packed.search(made, np.concatenate([crop, crop]), 0, 0)
    with pytest.raises(ValueError, match="finite"):
        packed.search(made, crop, float("nan"), 0)


def test_a_file_is_loaded_and_answers_as_the_reference(small, tmp_path):
    network, exemplar, crop = small
    file = tmp_path / "small.rbsf"
    write_packed(file, network)
    loaded = PackedBoxNetwork(read_packed(file), "small", threads=1)
    assert (loaded.name, loaded.network.threads) == ("small", 1)
    answer = loaded.search(prepared(loaded, exemplar), crop, (60.0, 30.0))
    response, target, quality, boxes = answer
    maps = reference(network, exemplar, crop, np.log([60 / 63.5, 30 / 63.5]))
    assert np.array_equal(np.stack([response, target, quality]), maps[:3])
    growth = np.exp(np.clip(maps[5:], -1.5, 1.5))
    assert np.allclose(boxes[2:], growth * np.array([60, 30])[:, None, None], rtol=1e-6)


def test_a_mean_of_features_is_rounded_to_the_nearest_bytes(small):
    network = PackedBoxNetwork(small[0])
    first, second = (network.exemplar_feature(crop) for crop in (small[1], 255 - small[1]))
    mean = first + np.float32(0.3) * (second - first)
    answers = [
        network.search(network.exemplar(feature), small[2], (60.0, 30.0)).target
        for feature in (mean, np.rint(mean), first)
    ]
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_copies_share_the_network_and_the_exemplar(small):
    network = PackedBoxNetwork(small[0])
    exemplar = prepared(network, small[1])
    assert copy.deepcopy([network, exemplar]) == [network, exemplar]
    assert copy.copy(exemplar) is exemplar


def test_a_network_without_a_head_is_refused_by_name(small):
    with pytest.raises(InputError, match="mine has no box head"):
        PackedBoxNetwork(replace(small[0], head=None), "mine")


@pytest.mark.parametrize("believed", [(0.0, 1.0), (1.0, -2.0), (float("inf"), 1.0)])
def test_a_believed_size_that_is_none_is_refused(small, believed):
    network = PackedBoxNetwork(small[0])
    with pytest.raises(InputError, match="positive and finite"):
        network.search(prepared(network, small[1]), small[2], believed)
