"""The integer network: the format's arithmetic, and torch's student on realistic crops."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_students import random_student

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import PackedLayer, PackedNetwork
from rbsf.engine.integer import IntegerEmbedder, IntegerNetwork, differing_bits
from rbsf.engine.pack import pack, pack_file
from rbsf.files.networks import load_network
from rbsf.geometry import context_side, crop_square, mean_color
from tracker.video.synthetic import render

STUDENT = SHIPPED_RBSF.with_name("rbsf.safetensors")


def clip_crops(count, size):
    crops = []
    for frame, box in render(count):
        side = context_side(box.w, box.h) * size / 127
        crops.append(crop_square(frame, box.center, side, size, mean_color(frame))[..., ::-1])
    return np.ascontiguousarray(np.stack(crops))


def random_network(seed, levels=(False, False)):
    """Layers 3 -> 5 (3x3, stride 2, pool), 5 -> 4 (2x2) and 4 -> 2 (1x1, two groups).

    `levels` says which of the first two give levels instead of bits.
    """
    rng = np.random.default_rng(seed)

    def layer(kind, inputs, outputs, kernel, stride, groups, pool, last=False, levels=False):
        shape = (outputs, inputs // groups, kernel, kernel)
        signs = rng.integers(0, 2, shape) * 2 - 1
        weights = rng.integers(-127, 128, shape) if kind == "pixels" else signs
        low = 3000 if kind == "pixels" else 6
        thresholds = np.sort(rng.integers(-low, low, (3, outputs)).astype(np.int32), axis=0)
        tail = (
            {"thresholds": thresholds if levels else thresholds[1],
             "flips": rng.integers(0, 2, outputs).astype(bool)}
            if not last
            else {"scale": rng.normal(size=outputs).astype(np.float32),
                  "bias": rng.normal(size=outputs).astype(np.float32)}
        )  # fmt: skip
        common = (kind, inputs, outputs, kernel, stride, groups, pool)
        return PackedLayer(*common, weights.astype(np.int8), **tail)

    layers = (
        layer("pixels", 3, 5, 3, 2, 1, True, levels=levels[0]),
        layer("binary", 5, 4, 2, 1, 1, False, levels=levels[1]),
        layer("binary", 4, 2, 1, 1, 2, False, last=True),
    )
    return PackedNetwork(layers, 0.25, -1.0, {})


def by_hand(layer, x):
    """Runs one layer on (C, H, W) integers, position by position, as the format describes it."""
    size = (x.shape[1] - layer.kernel) // layer.stride + 1
    sums = np.zeros((layer.outputs, size, size), np.int64)
    each = layer.inputs // layer.groups
    for o in range(layer.outputs):
        first = o // (layer.outputs // layer.groups) * each
        for i in range(size):
            for j in range(size):
                r, c = i * layer.stride, j * layer.stride
                window = x[first : first + each, r : r + layer.kernel, c : c + layer.kernel]
                sums[o, i, j] = (window * layer.weights[o].astype(np.int64)).sum()
    if layer.thresholds is None:
        scaled = sums.astype(np.float32) * layer.scale[:, None, None]
        return scaled + layer.bias[:, None, None]
    if layer.pool:
        half = (size - 3) // 2 + 1
        sums = np.array(
            [[[p[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max() for j in range(half)]
              for i in range(half)] for p in sums]
        )  # fmt: skip
    flips = layer.flips[:, None, None]
    if layer.thresholds.ndim == 1:
        return np.where((sums >= layer.thresholds[:, None, None]) ^ flips, 1, -1)
    first, second, third = (sums >= step[:, None, None] for step in layer.thresholds)
    level = np.where(third, 3, np.where(second, 2, np.where(first, 1, 0)))
    return np.where(flips, 3 - level, level)


@given(st.integers(0, 2**32 - 1), st.tuples(st.booleans(), st.booleans()))
def test_it_computes_what_the_format_says(seed, levels):
    network = random_network(seed, levels)
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 17, 17))
    found = IntegerNetwork(network).maps(torch.from_numpy(pixels.astype(np.uint8))[None])
    x = pixels
    for layer, ours in zip(network.layers, found, strict=True):
        x = by_hand(layer, x)
        assert np.array_equal(ours[0].numpy(), x)


def test_sums_beyond_float32_are_exact():
    """15x15x3 weights of 127 on white pixels sum to 21,860,875, which is odd and above 2^24."""
    reach = 675 * 255 * 127
    last = PackedLayer(
        "binary", 2, 1, 1, 1, 1, False, np.ones((1, 2, 1, 1), np.int8),
        scale=np.ones(1, np.float32), bias=np.zeros(1, np.float32),
    )  # fmt: skip
    first = PackedLayer(
        "pixels", 3, 2, 15, 1, 1, False, np.full((2, 3, 15, 15), 127, np.int8),
        thresholds=np.array([reach, reach + 1], np.int32), flips=np.zeros(2, bool),
    )  # fmt: skip
    network = IntegerNetwork(PackedNetwork((first, last), 1.0, 0.0, {}))
    bits, _ = network.maps(torch.full((1, 3, 15, 15), 255, dtype=torch.uint8))
    assert bits.flatten().tolist() == [1, -1]


@torch.no_grad()
def test_the_shipped_students_bits_are_torchs():
    model, crops = load_network(STUDENT), clip_crops(3, 255)
    network = IntegerNetwork(pack_file(STUDENT))
    pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    maps = model.backbone.maps(pixels)
    bits = [(m >= 0).float() * 2 - 1 for m in maps[:-1]]
    found = network.maps_from_bits(bits[0])
    for number, (ours, torchs) in enumerate(zip(found[:-1], bits[1:], strict=True), 2):
        assert torch.equal(ours, torchs), f"conv{number}"
    assert torch.allclose(found[-1], maps[-1], rtol=1e-4, atol=1e-4 * float(maps[-1].std()))


def test_8_bit_weights_change_few_bits():
    model, crops = load_network(STUDENT), clip_crops(2, 255)
    shares = differing_bits(model, pack_file(STUDENT), crops)
    assert len(shares) == 4
    assert shares[0] < 0.0005 and shares[1] < 0.005 and max(shares) < 0.1


def test_no_bit_differs_if_the_first_layer_has_8_bits():
    model = random_student()
    with torch.no_grad():
        weight = torch.randint(-127, 128, (96, 3, 11, 11)).float()
        weight[:, 0, 0, 0] = 127
        model.backbone.conv1.weight.copy_(weight)
        norm = model.backbone.norms["conv1"]
        norm.running_var.fill_(1e6)  # no sum lies within float32's rounding of a step
        norm.running_mean.zero_().add_(0.5)
        norm.bias.zero_()
        norm.weight.abs_().add_(0.1)
        model.backbone.conv1.bias.zero_()
    assert differing_bits(model, pack(model, {}), clip_crops(1, 127)) == [0, 0, 0, 0]


def test_the_embedder_is_an_embedder():
    network = random_network(0)
    embedder = IntegerEmbedder(network, "mine", "ab12")
    assert (embedder.name, embedder.weights_sha256) == ("mine", "ab12")
    assert (embedder.engine, embedder.path) == ("torch", "")
    assert (embedder.response_gain, embedder.response_bias) == (0.25, -1.0)
    crops = np.random.default_rng(0).integers(0, 256, (2, 17, 34, 3), dtype=np.uint8)[:, :, ::2]
    features = embedder(crops)
    assert features.dtype == np.float32 and features.shape == (2, 2, 2, 2)
    pixels = torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())
    assert np.array_equal(features, IntegerNetwork(network).maps(pixels)[-1])
    assert embedder(crops[:0]).shape == (0, 2, 2, 2)


def test_a_tracked_crop_embeds_alike():
    """With an 8-bit conv1 the features correlate with the float student's, but differ a little."""
    crops = clip_crops(1, 255)
    model = load_network(STUDENT)
    ours = IntegerEmbedder(pack_file(STUDENT), "it")(crops).ravel()
    with torch.no_grad():
        floats = model.embed(torch.from_numpy(crops).permute(0, 3, 1, 2).float()).numpy().ravel()
    assert np.corrcoef(ours, floats)[0, 1] > 0.9
