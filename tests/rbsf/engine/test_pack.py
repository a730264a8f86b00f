"""Packing: thresholds compared with the network's own forward pass, and what does not fold."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_students import random_student
from torch import nn

from rbsf.binarize import ApproxSign, BinaryWeight, WeightBinarizer, activation_binarizer
from rbsf.binarize.levels import unit_of
from rbsf.binarize.sign import hard_sign
from rbsf.embedder import SHIPPED_TEACHER
from rbsf.engine import pack as packing
from rbsf.engine.format import from_bytes, to_bytes
from rbsf.engine.integer import IntegerNetwork
from rbsf.engine.pack import pack, pack_file, round_weights
from rbsf.errors import InputError
from rbsf.files.checkpoint import save_checkpoint
from rbsf.nn import SLIM_LAYERS, BinaryConv2d, SiamFC
from rbsf.nn.backbone import LayerShape

TWO_BIT = activation_binarizer("two_bit", 1)
TINY = LayerShape("conv2", 2, 3, 2, 1, 1, False)
NO_EPS = 1e-30
"""An eps that no variance of these tests feels. torch 2.10 and 2.11 refuse 0."""


class Fixed(WeightBinarizer):
    """Gives +1 everywhere, and a given scale."""

    def __init__(self, shape, scale):
        super().__init__(shape)
        self.scale = torch.as_tensor(scale, dtype=torch.float32)

    def forward(self, weight):
        return BinaryWeight(torch.ones_like(weight), self.scale)


def tiny(scale=1.0, bias=0.0, gamma=1.0, beta=0.0, mean=0.0, var=1.0, eps=NO_EPS):
    """Makes a layer of 8 terms (S = -8, -6, ..., 8) with three channels, and its norm."""
    conv = BinaryConv2d(
        2, 3, 2, weight_binarizer=lambda s: Fixed(s, scale), activation_binarizer=ApproxSign()
    )
    norm = nn.BatchNorm2d(3, eps=eps).eval()
    values = ((conv.bias, bias), (norm.weight, gamma), (norm.bias, beta))
    with torch.no_grad():
        for tensor, value in (*values, (norm.running_mean, mean), (norm.running_var, var)):
            tensor.copy_(torch.as_tensor(value))
    return conv, norm


def reading_levels(conv):
    conv.activation_binarizer = TWO_BIT
    return conv


@torch.no_grad()
def fold(conv, norm, activation=None):
    after = SimpleNamespace(activation_binarizer=activation or ApproxSign())
    return packing._binary_layer(TINY, conv, SimpleNamespace(norms={"conv2": norm}), after)


@pytest.mark.parametrize(
    ("parameters", "threshold", "flip"),
    [
        ({}, 0, False),  # sign(0) = +1
        ({"mean": 2.0}, 2, False),
        ({"mean": 3.0}, 4, False),  # S is even, so 4 is the first value not below 3
        ({"gamma": -1.0, "mean": 2.0}, 4, True),  # the bit is 1 up to S = 2, where v is 0
        ({"gamma": -1.0, "mean": 3.0}, 4, True),
        ({"gamma": 0.0}, -8, False),  # v is 0 everywhere, so the bit is a constant 1
        ({"gamma": 0.0, "beta": -1.0}, -8, True),  # a constant -1
        ({"scale": 0.5, "mean": 2.0}, 4, False),
        ({"bias": 6.0, "mean": 2.0}, -4, False),
        ({"beta": -3.0, "gamma": 0.5, "var": 0.25}, 4, False),  # v = S - 3
        ({"mean": 100.0}, -8, True),  # no sum reaches the mean, so it is a constant -1
        ({"mean": -100.0}, -8, False),
    ],
)
def test_thresholds_worked_out_by_hand(parameters, threshold, flip):
    layer = fold(*tiny(**parameters))
    assert layer.thresholds.tolist() == [threshold] * 3
    assert layer.flips.tolist() == [flip] * 3
    assert (layer.thresholds.dtype, layer.flips.dtype) == (np.int32, np.bool_)


@pytest.mark.parametrize(
    ("parameters", "thresholds", "flip"),
    [
        ({}, [2, 2, 2], False),  # v = S is even: 0, then 2, which is beyond every step
        ({"gamma": 0.25}, [2, 4, 6], False),  # v = S / 4 reaches .25 at 1, .75 at 3, 1.25 at 5
        ({"gamma": -0.25}, [-4, -2, 0], True),  # 3 - l grows as v falls below 1.25, .75, .25
        ({"gamma": 0.125}, [2, 6, 9], False),  # 1.25 would take S = 10, beyond 8
        ({"gamma": -0.125, "beta": 1.0}, [0, 4, 8], True),  # v is 1.25 at S = -2
        ({"gamma": 0.0, "beta": 0.25}, [-8, 9, 9], False),  # 1 everywhere
        ({"gamma": 0.0, "beta": 9.0}, [-8, -8, -8], False),  # 3 everywhere
        ({"gamma": 0.0}, [-8, -8, -8], True),  # 0 everywhere: 3, flipped
    ],
)
def test_thresholds_of_levels_worked_out_by_hand(parameters, thresholds, flip):
    layer = fold(*tiny(**parameters), TWO_BIT)
    assert layer.thresholds.tolist() == [[t] * 3 for t in thresholds]
    assert layer.flips.tolist() == [flip] * 3
    assert (layer.thresholds.dtype, layer.output) == (np.int32, "levels")


@pytest.mark.parametrize(
    ("parameters", "threshold", "flip"),
    [
        ({}, 0, False),
        ({"mean": 1.0}, 2, False),  # a level is worth one half: 2 of them make 1
        ({"mean": 1.25}, 3, False),  # S has every parity
        ({"gamma": -1.0, "mean": 1.0}, 3, True),
        ({"mean": 100.0}, -24, True),  # no sum of 8 levels reaches 100
    ],
)
def test_thresholds_on_levels_worked_out_by_hand(parameters, threshold, flip):
    conv, norm = tiny(**parameters)
    layer = fold(reading_levels(conv), norm)
    assert layer.thresholds.tolist() == [threshold] * 3
    assert layer.flips.tolist() == [flip] * 3


def test_the_binary_digits_of_levels_give_twice_their_sum():
    """2 sum w l = 2 S1 + S0 + 3 sum w, for all levels and signs of three terms."""
    levels = torch.cartesian_prod(*[torch.arange(4)] * 3)
    signs = torch.cartesian_prod(*[torch.tensor([-1, 1])] * 3)
    s1, s0 = ((2 * digit - 1) @ signs.T for digit in (levels // 2, levels % 2))
    assert torch.equal(2 * levels @ signs.T, 2 * s1 + s0 + 3 * signs.sum(dim=1))


def finite(low, high):
    """Draws round numbers, which make ties, and any others."""
    grid = st.integers(int(4 * low), int(4 * high)).map(lambda n: n / 4)
    return st.lists(grid | st.floats(low, high, width=32), min_size=3, max_size=3)


@given(
    finite(-3, 3),
    finite(-9, 9),
    finite(-9, 9),
    finite(0, 4),
    finite(-9, 9),
    st.lists(st.sampled_from([0.25, 1.0, 3.0, 0.1, 1e-6, 700.3]), min_size=3, max_size=3),
    st.sampled_from([NO_EPS, 1e-6]),
)
def test_a_threshold_is_the_sign_of_the_float_network(gamma, beta, mean, var, bias, scale, eps):
    """Runs the layer itself on inputs that give every S."""
    var = [v + 0.0625 for v in var]
    conv, norm = tiny(torch.tensor(scale).reshape(3, 1, 1, 1), bias, gamma, beta, mean, var, eps)
    layer = fold(conv, norm)
    signs = torch.where(torch.arange(8) < torch.arange(9)[:, None], 1.0, -1.0)
    with torch.no_grad():
        bits = ApproxSign()(norm(conv(signs.reshape(9, 2, 2, 2))))[:, :, 0, 0] > 0
    sums = np.arange(-8, 9, 2)[:, None]
    assert np.array_equal(bits.numpy(), (sums >= layer.thresholds) ^ layer.flips)


@given(
    finite(-3, 3),
    finite(-9, 9),
    finite(-9, 9),
    finite(0, 4),
    finite(-9, 9),
    st.lists(st.sampled_from([0.25, 1.0, 3.0, 0.1, 1e-6, 700.3]), min_size=3, max_size=3),
    st.booleans(),
)
def test_thresholds_of_levels_are_the_float_networks(gamma, beta, mean, var, bias, scale, digits):
    """Runs the layer itself on levels, or on bits, that give every S."""
    var = [v + 0.0625 for v in var]
    conv, norm = tiny(torch.tensor(scale).reshape(3, 1, 1, 1), bias, gamma, beta, mean, var)
    if digits:
        filled = torch.arange(25)[:, None] - 3 * torch.arange(8)
        inputs, sums = filled.clamp(0, 3) * 0.5, np.arange(25)[:, None]
        reading_levels(conv)
    else:
        inputs = torch.where(torch.arange(8) < torch.arange(9)[:, None], 1.0, -1.0)
        sums = np.arange(-8, 9, 2)[:, None]
    layer = fold(conv, norm, TWO_BIT)
    with torch.no_grad():
        values = TWO_BIT(norm(conv(inputs.reshape(-1, 2, 2, 2))))[:, :, 0, 0]
    level = (sums >= layer.thresholds[:, None]).sum(axis=0)
    assert np.array_equal(values.numpy() * 2, np.where(layer.flips, 3 - level, level))


ONE_BIT = [
    "xnor", "xnor_pp", "bireal", "binarynet", "pcnn", "pcnn_4", "cbcn", "binaryrelax", "admm",
    "recu", "irnet",
]  # fmt: skip


class BNN(WeightBinarizer):
    def forward(self, weight):
        return BinaryWeight(hard_sign(weight), weight.new_ones(()))


class FallingSign(nn.Module):
    """The sign of a negated leaky rectifier, whose bit falls as its input rises."""

    def forward(self, x):
        return hard_sign(-nn.functional.leaky_relu(x - 0.25))


def check_parity(model):
    """Checks that, from torch's first bits or levels on, everything and the feature are torch's."""
    pixels = torch.randint(256, (1, 3, 127, 127), generator=torch.Generator().manual_seed(1))
    network = from_bytes(to_bytes(pack(model, {})), "it")
    with torch.no_grad():
        maps = model.backbone.maps(pixels.float())
        convs = model.backbone.binary_layers().values()
        readers = [conv.activation_binarizer for conv in convs]
        bits = [read(m) / unit_of(read) for m, read in zip(maps[:-1], readers, strict=True)]
        found = IntegerNetwork(network).maps_from_bits(bits[0])
    for number, (ours, torchs) in enumerate(zip(found[:-1], bits[1:], strict=True), 2):
        assert torch.equal(ours, torchs), f"conv{number}"
        assert 0.02 < (ours > 0).float().mean() < 0.98
    assert torch.allclose(found[-1], maps[-1], rtol=1e-4, atol=1e-4 * float(maps[-1].std()))


@pytest.mark.parametrize("c_shape", ["kernel", "layer", "channel"])
def test_rbcn_packs_to_the_bit(c_shape):
    check_parity(random_student(weights="rbcn", c_shape=c_shape))


@pytest.mark.parametrize("weights", ONE_BIT)
def test_every_weight_binarizer_packs_to_the_bit(weights):
    check_parity(random_student(weights=weights, activations="clipped"))


@pytest.mark.parametrize("weights", ["xnor_map", "mcn", "abcnet", "dbf", "cibcnn"])
def test_a_weight_binarizer_that_does_not_pack_is_refused_by_name(weights):
    model = random_student(weights=weights)
    binarizer = model.backbone.conv2.weight_binarizer
    with pytest.raises(InputError) as caught:
        pack(model, {})
    expected = f"conv2 has {type(binarizer).__name__}, which does not pack: {binarizer.obstacle}"
    assert str(caught.value) == expected


def test_activations_that_do_not_pack_are_refused_by_name():
    model = random_student()
    model.backbone.conv4.activation_binarizer = activation_binarizer("abcnet", 384)
    with pytest.raises(InputError, match="conv4 has ABCSign, which does not pack: it needs sever"):
        pack(model, {})


def test_rectifiers_before_a_sign_become_part_of_the_thresholds():
    model = random_student(activations="react")
    plain = pack(model, {})
    for conv in model.backbone.binary_layers().values():
        for parameter in conv.activation_binarizer.parameters():
            parameter.data.normal_(0.2, 0.5)
    check_parity(model)
    for before, after in zip(plain.layers[:-1], pack(model, {}).layers[:-1], strict=True):
        assert (before.thresholds != after.thresholds).mean() > 0.5


def test_activations_of_two_bits_pack_to_the_bit():
    check_parity(random_student(activations="two_bit"))


def test_a_slim_backbone_on_levels_packs_to_the_bit():
    check_parity(random_student(activations="two_bit", layers=SLIM_LAYERS))


def test_bits_and_levels_may_follow_one_another():
    model = random_student()
    for name in ("conv2", "conv4"):
        getattr(model.backbone, name).activation_binarizer = TWO_BIT
    check_parity(model)
    outputs = [layer.output for layer in pack(model, {}).layers]
    assert outputs == ["levels", "bits", "levels", "bits", "real"]


@pytest.mark.parametrize("binarizer", [BNN])
def test_any_binarizer_of_plus_and_minus_one_packs_to_the_bit(binarizer):
    model = random_student()
    for conv in model.backbone.binary_layers().values():
        conv.weight_binarizer = binarizer(conv.weight.shape)
    check_parity(model)


def test_learned_thresholds_become_part_of_the_integer_ones():
    model = random_student(activations="rsign")
    plain = pack(model, {})
    for conv in model.backbone.binary_layers().values():
        conv.activation_binarizer.alpha.data.normal_()
    check_parity(model)
    for before, after in zip(plain.layers[:-1], pack(model, {}).layers[:-1], strict=True):
        assert (before.thresholds != after.thresholds).mean() > 0.5


def test_a_falling_activation_binarizer_packs_to_the_bit():
    model = random_student()
    model.backbone.conv4.activation_binarizer = FallingSign()
    check_parity(model)


def test_the_model_is_left_as_it_was():
    model = random_student().train()
    before = copy.deepcopy(model.state_dict())
    pack(model, {})
    assert all(module.training for module in model.modules())
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


class Scaled(WeightBinarizer):
    def __init__(self, shape, scale):
        super().__init__(shape)
        self.scale = scale

    def forward(self, weight):
        return BinaryWeight(hard_sign(weight), self.scale)


class Ternary(WeightBinarizer):
    def forward(self, weight):
        return BinaryWeight(weight.sign() * (weight.abs() > 0.01), weight.new_ones(()))


class Real(WeightBinarizer):
    def forward(self, weight):
        return BinaryWeight(weight, weight.new_ones(()))


class Band(nn.Module):
    """Gives +1 within a band, which takes two steps, but only in the first four channels."""

    def forward(self, x):
        inside = hard_sign(0.1 - x.abs())
        return torch.cat([inside[:, :4], hard_sign(x[:, 4:])], dim=1)


def with_scale(scale):
    def change(backbone):
        backbone.conv3.weight_binarizer = Scaled(backbone.conv3.weight.shape, torch.tensor(scale))

    return change


def with_spatial_scale(backbone):
    backbone.conv3.weight_binarizer = Scaled(backbone.conv3.weight.shape, torch.ones(1, 1, 3, 3))


def with_weights(binarizer):
    def change(backbone):
        backbone.conv3.weight_binarizer = binarizer(backbone.conv3.weight.shape)

    return change


def with_activation(module):
    def change(backbone):
        backbone.conv4.activation_binarizer = module

    return change


def with_padding(backbone):
    backbone.conv3.padding, backbone.conv3.pad_value = 1, 1.0


def with_padded_pixels(backbone):
    backbone.conv1.padding = (1, 1)


def with_a_nan(backbone):
    backbone.norms["conv2"].running_var[3] = float("nan")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_weights(Ternary), r"conv3 has kernel values other than \+1 and -1"),
        (with_weights(Real), r"conv3 has kernel values other than \+1 and -1"),
        (with_spatial_scale, r"conv3 has a scale of shape \(1, 1, 3, 3\)"),
        (
            with_activation(activation_binarizer("one_bit", 1)),
            "activations of 2 levels cannot be pack",
        ),
        (with_scale(0.0), "conv3 has a scale that is not positive and finite"),
        (with_scale(-1.0), "conv3 has a scale that is not positive and finite"),
        (with_scale(float("inf")), "conv3 has a scale that is not positive and finite"),
        (with_padding, "conv3 pads its input"),
        (with_padded_pixels, "conv1 pads its input"),
        (with_activation(nn.Tanh()), "conv3: the activation binarizer after it gives values other"),
        (
            with_activation(Band()),
            "conv3: in 4 of 384 channels the value after it both rises and falls",
        ),
        (with_a_nan, "backbone.norms.conv2.running_var holds a value that is not finite"),
    ],
)
def test_what_does_not_fold_is_named(change, reason):
    model = random_student()
    model.backbone.norms["conv3"].weight.data.fill_(1)  # none of the four channels is constant
    model.backbone.norms["conv3"].bias.data.zero_()
    change(model.backbone)
    with pytest.raises(InputError, match=reason) as caught:
        pack(model, {})
    assert "\n" not in str(caught.value)


def test_a_full_precision_network_is_refused():
    with pytest.raises(InputError, match="only a student"):
        pack(SiamFC(), {})
    with pytest.raises(InputError, match=r"siamfc\.safetensors cannot be packed: it is a full-pre"):
        pack_file(SHIPPED_TEACHER)


def test_a_file_is_packed_with_its_origin(tmp_path):
    model, file = random_student(), tmp_path / "mine.safetensors"
    config = {"weights": "rbcn", "activations": "approx", "c_shape": "kernel"}
    header = {"kind": "student", "config": config, "seed": 7, "step": 3, "metrics": {}}
    save_checkpoint(file, header, {"model": model.state_dict()})
    network = pack_file(file)
    metadata = network.metadata
    assert len(metadata.pop("source_sha256")) == 64
    assert metadata == {"name": "mine", "kind": "student", "config": config, "seed": 7, "step": 3}
    assert network.response_gain == pytest.approx(0.001)
    with torch.no_grad():
        model.backbone.conv2.weight_binarizer.c.fill_(-1)
    save_checkpoint(file, header, {"model": model.state_dict()})
    with pytest.raises(InputError, match=r"mine\.safetensors cannot be packed: conv2 has a scale"):
        pack_file(file)


def test_the_first_layers_threshold_is_the_least_integer_with_its_bit():
    model = random_student()
    layer = pack(model, {}).layers[0]
    conv, norm = model.backbone.conv1, model.backbone.norms["conv1"]
    unit = conv.weight.detach().double().abs().amax(dim=(1, 2, 3)) / 127
    names = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, var = (getattr(norm, name).detach().double() for name in names)

    def bits(sums):
        out = torch.from_numpy(sums).double() * unit + conv.bias.double()
        return (gamma * (out - mean) / (var + norm.eps).sqrt() + beta >= 0).numpy()

    at = layer.thresholds.astype(np.int64)
    constant = at == -255 * 127 * 363
    assert constant.sum() >= 6 and (gamma.numpy()[~constant] != 0).all()
    assert np.array_equal(bits(at), ~layer.flips)
    assert np.array_equal(bits(at - 1)[~constant], layer.flips[~constant])


def test_weights_of_8_bits_stay_as_they_are():
    weights = np.random.default_rng(0).integers(-127, 128, (4, 3, 5, 5)).astype(np.float64)
    weights[:, 0, 0, 0] = [127, -127, 127, -127]
    rounded, unit = round_weights(weights / 127 * 0.5)
    assert np.array_equal(rounded, weights) and unit == pytest.approx(0.5 / 127)


def test_a_filter_of_zeros_is_rounded_to_zeros():
    rounded, unit = round_weights(np.zeros((1, 3, 3, 3)))
    assert not rounded.any() and np.isfinite(unit).all()


def test_a_smooth_patch_keeps_its_value():
    """Flat and sloping patches lose several times less than by plain rounding."""
    weights = np.random.default_rng(0).normal(0, 1, (64, 3, 11, 11))
    rounded, unit = round_weights(weights)
    assert np.abs(rounded).max() == 127
    y, x = np.indices((11, 11)) - 5
    exact = weights / unit[:, None, None, None]
    for patch in (np.full((11, 11), 128), 20 * x, 20 * y, 10 * x - 20 * y + 90):
        ours, plain = (
            np.sqrt(np.mean(((q - exact) * patch).sum(axis=(1, 2, 3)) ** 2))
            for q in (rounded, np.rint(exact))
        )
        assert ours < plain / 4
