"""The compiled kernels: every path gives the bits of a float64 convolution, on any network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rbsf.engine.format import MOST_TERMS, PackedLayer, PackedNetwork, to_bytes

kernels = pytest.importorskip("rbsf.engine._kernels")

INT32 = np.iinfo(np.int32)
every_path = pytest.mark.parametrize("path", kernels.paths())
examples = settings(max_examples=40)


def reference(network, crops=None, bits=None):
    """What the format says, in float64, where all these integers are exact.

    Crops uint8 (N, S, S, 3), or the first layer's map (N, C, h, w), 0/1 or levels: then without
    that layer.
    """
    maps, before = [], None if bits is None else network.layers[0]
    x = torch.from_numpy(crops).permute(0, 3, 1, 2).double() if bits is None else bits
    for layer in network.layers[bits is not None :]:
        if layer.kind == "binary":
            x = torch.as_tensor(x).double()
            x = x if before.output == "levels" else x * 2 - 1
        weights = torch.from_numpy(layer.weights).double()
        if len(x):
            sums = F.conv2d(x, weights, stride=layer.stride, groups=layer.groups)
        else:  # torch has no empty grouped convolution
            side = (x.shape[-1] - layer.kernel) // layer.stride + 1
            sums = torch.zeros(0, layer.outputs, side, side, dtype=torch.float64)
        if layer.scale is not None:
            scale, bias = layer.scale[:, None, None], layer.bias[:, None, None]
            return [*maps, sums.float().numpy() * scale + bias]
        steps = torch.from_numpy(np.atleast_2d(layer.thresholds))[:, None, :, None, None]
        level = (sums >= steps).sum(dim=0)
        if layer.pool:
            height, width = ((side - 3) // 2 + 1 for side in level.shape[2:])
            windows = level.unfold(2, 3, 2).unfold(3, 3, 2)
            level = windows.reshape(len(x), layer.outputs, height, width, 9).amax(dim=-1)
        flips = torch.from_numpy(layer.flips)[:, None, None]
        x = torch.where(flips, len(steps) - level, level).to(torch.uint8)
        maps.append(x.numpy())
        before = layer
    raise AssertionError("the last layer is real")


def layer(
    rng,
    *,
    first,
    last,
    inputs,
    outputs,
    kernel,
    stride=1,
    groups=1,
    pool=False,
    extreme=0,
    levels=False,
):
    """A random layer whose sums lie on both sides of its thresholds.

    With `extreme`, its weights are all alike. With `levels`, it gives levels instead of bits.
    """
    shape = (outputs, inputs // groups, kernel, kernel)
    most = 127 if first else 1
    weights = rng.integers(-127, 128, shape) if first else rng.choice([-1, 1], shape)
    if extreme:
        weights = np.full(shape, extreme * most)
    spread = np.sqrt(weights[0].size) * (9000 if first else 1)
    thresholds = rng.normal(0, spread, (3 if levels else 1, outputs)).astype(np.int32)
    ends = rng.random(thresholds.shape)
    thresholds[ends < 0.1], thresholds[ends > 0.9] = INT32.min, INT32.max
    thresholds = np.sort(thresholds, axis=0) if levels else thresholds[0]
    real = {"scale": rng.normal(0, 1, outputs), "bias": rng.normal(0, 1, outputs)}
    bits = {"thresholds": thresholds, "flips": rng.random(outputs) < 0.3}
    return PackedLayer(
        kind="pixels" if first else "binary",
        inputs=inputs,
        outputs=outputs,
        kernel=kernel,
        stride=stride,
        groups=groups,
        pool=pool,
        weights=weights.astype(np.int8),
        **({name: value.astype(np.float32) for name, value in real.items()} if last else bits),
    )


def network_of(rng, *sizes):
    """A network of layers, from the first on.

    Each is (outputs, kernel, stride, groups, pool, extreme), with a last True if it gives levels.
    """
    layers, inputs = [], 3
    for index, (outputs, kernel, stride, groups, pool, extreme, *levels) in enumerate(sizes):
        ends = {"first": index == 0, "last": index == len(sizes) - 1, "levels": any(levels)}
        window = {"kernel": kernel, "stride": stride, "groups": groups, "pool": pool}
        layers.append(layer(rng, inputs=inputs, outputs=outputs, extreme=extreme, **ends, **window))
        inputs = outputs
    return PackedNetwork(tuple(layers), 1.0, 0.0, {})


@st.composite
def networks(draw):
    """A random network, and crops that give its last layer a map of 1 x 1 or a little more."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    depth = draw(st.integers(2, 4))
    sizes, inputs, side, levels = [], 3, 1, False
    for index in range(depth):
        first, last = index == 0, index == depth - 1
        groups = 1 if first else draw(st.sampled_from([g for g in (1, 2, 3, 5) if not inputs % g]))
        # Groups of any size, for the layer behind too: few divisors make few groups there.
        unit = draw(st.sampled_from([1, 2, 3, 6]))
        outputs = groups * unit * draw(st.integers(1, 12) | st.sampled_from([16, 32, 43]))
        kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4)) if first else 1
        reads = "pixels" if first else "levels" if levels else "bits"
        assume(inputs // groups * kernel**2 <= MOST_TERMS[reads])  # a file refuses more
        pool = not last and draw(st.booleans())
        extreme = draw(st.sampled_from([0, 0, 0, 1, -1]))
        levels = not last and draw(st.booleans())
        sizes.append((outputs, kernel, stride, groups, pool, extreme, levels))
        inputs = outputs
    for _, kernel, stride, _, pool, *_ in reversed(sizes):
        if pool:
            side = 2 * side + 1
        side = (side - 1) * stride + kernel
    side += draw(st.integers(0, 13))
    assume(side <= 70)
    crops = rng.integers(0, 256, (draw(st.integers(0, 4)), side, side, 3), dtype=np.uint8)
    if draw(st.integers(0, 4)) == 0:
        crops[:] = draw(st.sampled_from([0, 255]))  # the largest sums
    return network_of(rng, *sizes), crops


def agree(mine, right):
    return len(mine) == len(right) and all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(mine, right, strict=True)
    )


def small_network():
    """Two groups of odd sizes, a pool, flips: something of everything."""
    rng = np.random.default_rng(1)
    network = network_of(
        rng, (22, 3, 2, 1, True, 0), (26, 3, 1, 2, False, 0), (10, 2, 1, 2, False, 0)
    )
    return network, rng.integers(0, 256, (3, 31, 31, 3), dtype=np.uint8)


@every_path
@examples
@given(networks(), st.sampled_from([1, 2]))
def test_every_layer_is_that_of_float64(path, case, threads):
    network, crops = case
    packed = kernels.Network(to_bytes(network), path, threads)
    right = reference(network, crops)
    assert agree(packed.layers(crops), right)
    assert agree([packed.embed(crops)], right[-1:])


@every_path
@examples
@given(networks(), st.integers(0, 2**32 - 1))
def test_a_network_runs_from_given_bits(path, case, seed):
    network, crops = case
    packed = kernels.Network(to_bytes(network), path)
    first = reference(network, crops)[0]
    top = 3 if network.layers[0].output == "levels" else 1
    bits = np.random.default_rng(seed).integers(0, top + 1, first.shape, dtype=np.uint8)
    mine = packed.layers_from_bits(bits, crops.shape[1])
    assert agree(mine, reference(network, bits=torch.from_numpy(bits)))


@every_path
def test_bits_of_layers_lead_to_its_other_layers(path):
    network, crops = small_network()
    packed = kernels.Network(to_bytes(network), path)
    layers = packed.layers(crops)
    assert agree(packed.layers_from_bits(layers[0], 31), layers[1:])


@every_path
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_at_the_ends_of_their_range(path, sign):
    """The most terms, 32768, all equal or all opposed; the largest sums of pixels, 127 * 255."""
    ends = np.array([-1, 0, 1], np.int64)
    rng = np.random.default_rng(0)
    network = network_of(
        rng, (512, 15, 1, 1, False, 1), (9, 8, 1, 1, False, sign), (2, 1, 1, 1, False, 1)
    )
    pixels, binary, _ = network.layers
    pixels.flips[:] = False
    pixels.thresholds[:] = 15 * 15 * 3 * 127 * 255  # reached, exactly
    binary.thresholds[:] = np.tile(sign * 32768 + ends, 3).clip(-32768, 32769)
    binary.flips[:] = False
    crops = np.full((1, 22, 22, 3), 255, np.uint8)
    maps = kernels.Network(to_bytes(network), path).layers(crops)
    assert maps[0].all()
    assert maps[1][0, :, 0, 0].tolist() == (sign * 32768 >= binary.thresholds).tolist()
    pixels.thresholds[:] += 1  # and reached by none
    assert not kernels.Network(to_bytes(network), path).layers(crops)[0].any()


@every_path
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_of_levels_at_the_ends_of_their_range(path, sign):
    """The most terms, 16384, each of a level of 3."""
    rng = np.random.default_rng(0)
    network = network_of(
        rng,
        (256, 15, 1, 1, False, 1, True),
        (2, 8, 1, 1, False, sign, True),
        (2, 1, 1, 1, False, 1),
    )
    pixels, binary, _ = network.layers
    pixels.flips[:] = binary.flips[:] = False
    pixels.thresholds[:] = 15 * 15 * 3 * 127 * 255  # every step is reached, exactly
    end = sign * 3 * 16384
    binary.thresholds[:] = [[end - 1, end], [end, end + 1], [end + 1, INT32.max]]
    crops = np.full((1, 22, 22, 3), 255, np.uint8)
    maps = kernels.Network(to_bytes(network), path).layers(crops)
    assert (maps[0] == 3).all()
    assert maps[1].flatten().tolist() == [2, 1]
    network.layers[0].thresholds[2] += 1
    assert (kernels.Network(to_bytes(network), path).layers(crops)[0] == 2).all()


@every_path
@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize("outputs", [1, 63, 64, 65, 320])
def test_a_map_of_many_channels(path, outputs, levels):
    """Filters on either side of a block of 64, and of several; windows of more than a tile."""
    rng = np.random.default_rng(outputs)
    network = network_of(rng, (64, 1, 1, 1, False, 0, levels), (outputs, 3, 1, 1, False, 0))
    crops = rng.integers(0, 256, (1, 25, 25, 3), dtype=np.uint8)
    assert agree(kernels.Network(to_bytes(network), path).layers(crops), reference(network, crops))


@every_path
@pytest.mark.parametrize("levels", [False, True])
def test_wide_layers_on_a_wide_map(path, levels):
    """The rows that are pooled and flipped are longer than any other of the path's scratch."""
    rng = np.random.default_rng(2)
    network = network_of(rng, (2048, 1, 1, 1, True, 0, levels), (8, 1, 1, 1, False, 0))
    crops = rng.integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
    assert agree(kernels.Network(to_bytes(network), path).layers(crops), reference(network, crops))


@every_path
@pytest.mark.parametrize("threads", [1, 2])
def test_one_network_in_many_threads_at_once(path, threads):
    network, crops = small_network()
    packed = kernels.Network(to_bytes(network), path, threads)
    batches = [crops[:n, :side, :side].copy() for n in (1, 2, 3) for side in (27, 29, 31)] * 8
    right = {b.shape: reference(network, b)[-1] for b in batches}
    with ThreadPoolExecutor(4) as pool:
        for batch, mine in zip(batches, pool.map(packed.embed, batches), strict=True):
            assert np.array_equal(mine, right[batch.shape])


def test_what_it_returns_is_not_overwritten_by_the_next_call():
    network, crops = small_network()
    packed = kernels.Network(to_bytes(network))
    first = packed.embed(crops)
    kept = first.copy()
    packed.embed(255 - crops)
    assert np.array_equal(first, kept)


def test_paths_end_with_scalar_and_the_first_is_the_default():
    data = to_bytes(small_network()[0])
    assert kernels.paths()[-1] == "scalar"
    assert kernels.Network(data).path == kernels.paths()[0]
    assert [kernels.Network(data, path).path for path in kernels.paths()] == kernels.paths()
    assert kernels.Network(data, threads=2).threads == 2


def test_a_pass_is_timed_layer_by_layer():
    network, crops = small_network()
    seconds = kernels.Network(to_bytes(network)).profile(crops)
    assert len(seconds) == len(network.layers) and min(seconds) >= 0


def test_an_unknown_path_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="mmx.*" + ", ".join(kernels.paths())):
        kernels.Network(to_bytes(small_network()[0]), "mmx")


@pytest.mark.parametrize("threads", [0, -1])
def test_a_network_without_threads_is_refused(threads):
    with pytest.raises(ValueError, match="threads"):
        kernels.Network(to_bytes(small_network()[0]), "", threads)


@pytest.mark.parametrize("damage", [slice(0), slice(39), slice(-1)])
def test_a_damaged_file_is_refused(damage):
    with pytest.raises(ValueError):
        kernels.Network(to_bytes(small_network()[0])[damage])


@pytest.mark.parametrize("method", ["embed", "layers", "profile"])
def test_crops_too_small_are_refused(method):
    network, crops = small_network()
    packed = kernels.Network(to_bytes(network))
    # Back from a map of 1: 2, 4 before that, 9 before the pool, 19 pixels.
    assert packed.embed(crops[:, :19, :19].copy()).shape == (3, 10, 1, 1)
    with pytest.raises(ValueError, match="18x18 are too small"):
        getattr(packed, method)(crops[:, :18, :18].copy())


@pytest.mark.parametrize("shape", [(1, 31, 30, 3), (1, 31, 31, 4)])
def test_crops_that_are_not_square_rgb_are_refused(shape):
    packed = kernels.Network(to_bytes(small_network()[0]))
    with pytest.raises(ValueError, match="square RGB"):
        packed.embed(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda crops: crops.astype(np.float32), id="float"),
        pytest.param(lambda crops: crops.astype(np.int8), id="signed"),
        pytest.param(lambda crops: crops[0], id="three dimensions"),
        pytest.param(lambda crops: crops[:, ::2, ::2], id="every second pixel"),
        pytest.param(lambda crops: crops.transpose(0, 2, 1, 3), id="transposed"),
        pytest.param(lambda crops: crops.tolist(), id="a list"),
    ],
)
def test_arrays_of_another_kind_are_refused_and_not_converted(wrong):
    network, crops = small_network()
    with pytest.raises(TypeError):
        kernels.Network(to_bytes(network)).embed(wrong(crops))


@pytest.mark.parametrize("shape", [(1, 21, 7, 7), (1, 22, 6, 7), (1, 22, 7, 6)])
def test_bits_of_another_shape_are_refused(shape):
    packed = kernels.Network(to_bytes(small_network()[0]))
    assert len(packed.layers_from_bits(np.zeros((1, 22, 7, 7), np.uint8), 31)) == 2
    with pytest.raises(ValueError, match="bits are not the first layer's"):
        packed.layers_from_bits(np.zeros(shape, np.uint8), 31)
