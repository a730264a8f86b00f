"""PackedEmbedder: every kernel path and every number of threads gives torch's features."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import read_packed
from rbsf.engine.integer import IntegerEmbedder
from rbsf.engine.packed import (
    PackedEmbedder,
    check_architecture,
    feature_shape,
    kernel_paths,
)
from rbsf.errors import InputError

needs_kernels = pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")


@pytest.fixture(scope="module")
def network():
    return read_packed(SHIPPED_RBSF)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (3, 127, 127, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def features(network, crops):
    return IntegerEmbedder(network, "torch")(crops)


@needs_kernels
@pytest.mark.parametrize("path", kernel_paths())
def test_every_path_gives_torchs_features(network, crops, features, path, monkeypatch):
    monkeypatch.setenv("RBSF_KERNELS", path)
    embedder = PackedEmbedder(network, threads=1)
    assert (embedder.engine, embedder.path) == ("packed", path)
    assert np.array_equal(embedder(crops), features)


@needs_kernels
def test_the_fastest_path_is_the_default(network, monkeypatch):
    monkeypatch.delenv("RBSF_KERNELS", raising=False)
    assert PackedEmbedder(network).path == kernel_paths()[0]


@needs_kernels
def test_an_unknown_path_is_refused_with_a_list_of_the_known_ones(network, monkeypatch):
    monkeypatch.setenv("RBSF_KERNELS", "mmx")
    with pytest.raises(InputError, match="RBSF_KERNELS=mmx: .*" + ", ".join(kernel_paths())):
        PackedEmbedder(network)


@needs_kernels
@pytest.mark.parametrize("threads", [2, None])
def test_threads_do_not_matter(network, crops, features, threads):
    assert np.array_equal(PackedEmbedder(network, threads=threads)(crops), features)


@needs_kernels
def test_one_embedder_serves_several_threads(network, crops, features):
    embedder = PackedEmbedder(network, threads=2)
    with ThreadPoolExecutor(3) as pool:
        for found in pool.map(embedder, [crops] * 9):
            assert np.array_equal(found, features)


@needs_kernels
def test_strided_crops_and_none_at_all(network, crops, features):
    embedder = PackedEmbedder(network, threads=1)
    assert np.array_equal(embedder(np.repeat(crops, 2, axis=1)[:, ::2]), features)
    assert embedder(crops[:0]).shape == (0, 256, 6, 6)


def test_the_shipped_network_has_siamfcs_features(network):
    assert feature_shape(network, 127) == (256, 6, 6)
    assert feature_shape(network, 255) == (256, 22, 22)
    check_architecture(network, "rbsf.rbsf")


def test_other_features_are_refused(network):
    first, *rest = network.layers
    finer = replace(network, layers=(replace(first, stride=1), *rest))
    with pytest.raises(InputError, match=r"finer\.rbsf is of another architecture: .*127x127"):
        check_architecture(finer, "finer.rbsf")
