"""The box head in a packed file: its bytes, written out by hand, and which heads are refused."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from rbsf.engine.format import PackedNetwork, from_bytes, to_bytes
from rbsf.engine.fuzz import random_head, random_network
from rbsf.engine.packed_head import head_bytes
from rbsf.errors import InputError

kernels = pytest.importorskip("rbsf.engine._kernels")

CHANNELS = 2


@pytest.fixture(scope="module")
def network() -> PackedNetwork:
    """A network of few channels with a head of two."""
    plain = replace(random_network(3), head=None)
    rng = np.random.default_rng(0)
    return replace(plain, head=random_head(rng, plain.layers[-1].outputs, CHANNELS))


def head_of(network: PackedNetwork) -> bytearray:
    assert network.head is not None
    return bytearray(head_bytes(network.head))


def sealed(network: PackedNetwork, head: bytes) -> bytes:
    """The network's file with other bytes for its head, and the right size and checksum."""
    whole = to_bytes(network)
    data = bytearray(whole[: len(whole) - len(head_of(network))] + head)
    data[16:24] = len(data).to_bytes(8, "little")
    data[12:16] = zlib.crc32(data[16:]).to_bytes(4, "little")
    return bytes(data)


def refusal(data: bytes) -> str:
    """What both readers say; one accepts exactly what the other does."""
    with pytest.raises(ValueError):
        kernels.Network(data)
    with pytest.raises(InputError) as refused:
        from_bytes(data, "it")
    return str(refused.value)


def test_the_bytes_of_a_head(network):
    head, features = network.head, network.layers[-1].outputs
    f32 = lambda values: np.asarray(values).astype("<f4").tobytes()  # noqa: E731
    layer = lambda one: one.weights.tobytes() + f32(one.scale) + f32(one.bias)  # noqa: E731
    tower = lambda one: (  # noqa: E731
        b"".join(map(layer, one.layers)) + f32(one.answer) + f32(one.answer_bias)
    )
    by_hand = [
        struct.pack("<I2f", CHANNELS, head.feature_step, head.pixel_scale),
        layer(head.of_exemplar),
        layer(head.of_search),
        f32(head.gate),
        f32(head.gate_bias),
        layer(head.to_grid),
        f32(head.correlated_scale),
        f32(head.correlated_bias),
        layer(head.mix),
        f32(head.beside),
        tower(head.place),
        tower(head.size),
    ]
    assert bytes(head_of(network)) == b"".join(by_hand)
    # the sizes that the documentation states
    layers = 2 * (2 * features + 16) + (38 * 36 + 8 * 38) + (2 * (36 + 4) + 16)
    towers = 2 * (2 * (2 * 25 + 16) + 2 * (2 * 2 + 16)) + 4 * (6 * 2 + 6)
    floats = 4 * (2 * 2 + 2) + 4 * (2 + 2) + 4 * (2 * 3)
    assert len(head_of(network)) == 12 + layers + towers + floats


@pytest.mark.parametrize("seed", range(20))
def test_a_head_comes_back_as_it_was(seed):
    whole = to_bytes(random_network(seed))
    again = from_bytes(whole, "it")
    assert to_bytes(again) == whole
    assert again.version == 3 or again.head is None


def test_a_head_makes_version_3(network):
    assert to_bytes(network)[8:12] == struct.pack("<I", 3)
    without = to_bytes(replace(network, head=None))
    assert without[8] in (1, 2)
    assert to_bytes(network)[24 : len(without)] == without[24:]


def test_a_head_whose_end_is_missing_or_followed_is_refused(network):
    head = bytes(head_of(network))
    for size in (0, 3, 11, 12, len(head) // 2, len(head) - 1):
        assert "too early" in refusal(sealed(network, head[:size]))
    assert "1 bytes follow" in refusal(sealed(network, head + b"\0"))


@pytest.mark.parametrize("channels", [0, 1025, 2**31, 2**32 - 1])
def test_channels_beyond_the_limits_are_refused(network, channels):
    head = head_of(network)
    head[:4] = struct.pack("<I", channels)
    assert f"{channels} channels" in refusal(sealed(network, head))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 2.0**20 + 1])
def test_numbers_beyond_the_limits_are_refused_wherever_they_are(network, number):
    whole = head_of(network)
    features = network.layers[-1].outputs
    scale_of_exemplar = 12 + CHANNELS * features
    for at in (4, 8, scale_of_exemplar, len(whole) - 4):
        head = bytearray(whole)
        head[at : at + 4] = struct.pack("<f", number)
        assert "not finite or too large" in refusal(sealed(network, head))


@pytest.mark.parametrize("step", [0.0, -1.0, 2.0**-21])
def test_a_step_that_is_too_small_is_refused(network, step):
    head = head_of(network)
    head[4:8] = struct.pack("<f", step)
    assert "step of its head is too small" in refusal(sealed(network, head))


def test_a_weight_of_minus_128_is_refused(network):
    head = head_of(network)
    head[12] = 128
    assert "weight below -127" in refusal(sealed(network, head))


@pytest.mark.parametrize(("gain", "bias"), [(2.0**21, 0), (2.0**-21, 0), (1, 2.0**21)])
def test_a_response_out_of_range_is_refused_with_a_head_alone(network, gain, bias):
    data = bytearray(to_bytes(network))
    data[24:32] = struct.pack("<2f", gain, bias)
    data[12:16] = zlib.crc32(data[16:]).to_bytes(4, "little")
    assert "gain or bias of its response" in refusal(bytes(data))
    to_bytes(replace(network, head=None, response_gain=gain, response_bias=bias))


def test_the_limits_themselves_are_accepted(network):
    end = 2.0**20
    head = replace(network.head, feature_step=1 / end, pixel_scale=-end)
    network = replace(network, head=head, response_gain=end, response_bias=-end)
    kernels.Network(to_bytes(network))
