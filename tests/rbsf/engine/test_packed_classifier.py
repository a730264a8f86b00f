"""A packed classifier beside the torch network that it was made of, on random networks."""

from __future__ import annotations

import itertools
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rbsf.engine.classifier_format import PackedClassifier, classifier_bytes
from rbsf.engine.pack_classifier import pack_classifier
from rbsf.engine.packed import kernel_paths, open_classifier, require_kernels
from rbsf.errors import InputError
from rbsf.nn import NetworkSettings, ResidualNet, make_classifier

pytestmark = pytest.mark.skipif(not kernel_paths(), reason="the kernels are not compiled")

E = 2.0**-24
"""Half of the distance between 1 and the next float32: the largest relative rounding error."""

SETTINGS = [
    {"architecture": architecture, "shortcut": shortcut, "order": order, "downsample": downsample}
    for architecture, shortcut, order, downsample in itertools.product(
        ("resnet18", "wrn22"),
        ("conv", "block"),
        ("conv_first", "norm_first"),
        ("strided", "pooled"),
    )
]
PADDINGS = itertools.cycle(("zero", "plus", "minus"))
SIZES = itertools.cycle(((33, 33), (17, 29), (8, 9), (1, 5), (32, 32)))
CASES = [
    ({**settings, "padding": padding, "stem": stem}, size)
    for settings, padding, size, stem in zip(
        SETTINGS, PADDINGS, SIZES, itertools.cycle(("small", "large", "small")), strict=False
    )
]


def random_classifier(seed: int, **settings) -> ResidualNet:
    """A binary classifier of odd widths whose batch norms are as after a training, or stranger."""
    torch.manual_seed(seed)
    model = make_classifier(
        NetworkSettings(stages=(6, 9, 20, 33), classes=7, **settings), "rbcn", "rsign", "channel"
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)  # half of them are negative
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        for name, parameter in module.named_parameters(recurse=False):
            if name in {"shift", "alpha", "threshold"}:
                nn.init.normal_(parameter, std=0.1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight[0] = 0  # such a channel is constant
    return model.eval()


def random_images(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def to_torch(map_: np.ndarray) -> torch.Tensor:
    """A map (h, w, c) of the engine as torch has it, (1, c, h, w)."""
    return torch.from_numpy(map_).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("settings", "size"), CASES)
@torch.no_grad()
def test_binary_convolutions_are_torchs_to_the_bit_and_the_rest_is_within_the_bound(settings, size):
    model = random_classifier(1, **settings)
    engine = open_classifier(pack_classifier(model, {}), threads=1)
    stem, units = engine.trace(random_images(2, 1, *size))
    maps = [to_torch(stem)]
    found = iter(units)
    for block in model.blocks:
        for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
            bits, sums, values = map(to_torch, next(found))
            entered = norm(maps[-1]) if block.norm_first else maps[-1]
            expected_bits = conv.activation_binarizer(entered)
            assert torch.equal(bits.float() * 2 - 1, expected_bits)
            assert expected_bits.unique().numel() == 2
            scale = conv.weight_binarizer(conv.weight)[1].reshape(1, -1, 1, 1)
            assert torch.equal(sums.float() * scale, conv(entered))
            maps.append(values)
        _check_reals(block, maps[-3:])
    assert next(found, None) is None


def _check_reals(block, maps) -> None:
    """The maps of a block's convolutions are within the stated bound of the true values."""
    block = _as_double(block)
    enter, first, second = (map_.double() for map_ in maps)
    around = block.downsample(enter)
    spare = 0 if isinstance(block.downsample, nn.Identity) else _products(block, enter)
    for conv, norm, x, y, shortcut, bound in (
        (block.conv1, block.bn1, enter, first, around * block.around_each, spare),
        (block.conv2, block.bn2, first, second, first if block.around_each else around, spare),
    ):
        entered = norm(x.float()).double() if block.norm_first else x
        sums = conv(entered.double())
        scale, bias = _affine(norm)
        branch = sums if block.norm_first else sums * scale + bias
        size = (sums * (1 if block.norm_first else scale)).abs() + shortcut.abs()
        size += 0 if block.norm_first else bias.abs()
        far = (y - branch - shortcut).abs() - 4 * E * size - bound
        assert far.max() <= 1e-12, far.max()


def _as_double(block):
    """A block in float64, whose binary convolutions keep their signs."""
    double = deepcopy(block).double()
    double.bn1.float(), double.bn2.float()
    return double


def _affine(norm):
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return scale.reshape(1, -1, 1, 1), bias.reshape(1, -1, 1, 1)


def _products(block, x):
    """The bound on what the rounding in a shortcut's 1x1 convolution adds."""
    *pools, conv, norm = block.downsample.children()
    magnitudes = x.abs()
    for pool in pools:
        magnitudes = pool(magnitudes)
    scale, bias = _affine(norm)
    weights = conv.weight.abs() * scale.reshape(-1, 1, 1, 1).abs()
    sums = F.conv2d(magnitudes, weights, stride=conv.stride) + bias.abs()
    return 2 * (conv.in_channels + 4) * E * sums


@torch.no_grad()
def test_the_stem_is_exact_and_near_torchs():
    for stem, order in itertools.product(("small", "large"), ("conv_first", "norm_first")):
        model = random_classifier(3, stem=stem, order=order)
        packed = pack_classifier(model, {})
        images = random_images(4, 1, 23, 30)
        found = to_torch(open_classifier(packed, threads=1).trace(images)[0])
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        border = torch.tensor(packed.stem.border).reshape(1, 3, 1, 1).double()
        around = packed.stem.weights.shape[2] // 2
        weights = torch.from_numpy(packed.stem.weights).double()
        sums = F.conv2d(F.pad(pixels - border, (around,) * 4), weights, stride=packed.stem.stride)
        sums += (weights * border).sum(dim=(1, 2, 3)).reshape(1, -1, 1, 1)
        scale, bias = (
            torch.from_numpy(v).reshape(1, -1, 1, 1) for v in (packed.stem.scale, packed.stem.bias)
        )
        expected = sums.float() * scale + bias
        expected = F.max_pool2d(expected, 3, 2, padding=1) if packed.stem.pool else expected
        assert torch.equal(found, expected)
        theirs = model._stem(pixels.float())
        assert (found - theirs).std() < 0.02 * theirs.std()  # on noise, the worst of images


@pytest.mark.parametrize(("settings", "size"), CASES[::3])
@torch.no_grad()
def test_logits_are_torchs_but_for_rounding(settings, size):
    """Behind the stem, which is 8-bit, the whole network is followed in torch."""
    model = random_classifier(5, **settings)
    images = random_images(6, 1, *size)
    engine = open_classifier(pack_classifier(model, {}), threads=1)
    stem = to_torch(engine.trace(images)[0])
    model._stem = lambda pixels: stem
    expected = model(torch.zeros(1, 3, *size)).logits
    found = torch.from_numpy(engine.classify(images))
    assert (found - expected).abs().max() < 1e-3 * expected.abs().max()


def test_all_paths_and_threads_give_the_same_bits():
    settings = {"stem": "large", "downsample": "pooled", "padding": "zero", "order": "norm_first"}
    data = classifier_bytes(pack_classifier(random_classifier(7, **settings), {}))
    images = random_images(8, 3, 61, 47)
    classifiers = [
        require_kernels().Classifier(data, path, threads)
        for path, threads in itertools.product(kernel_paths(), (1, 3))
    ]
    first, *others = [classifier.classify(images) for classifier in classifiers]
    assert first.shape == (3, 7) and np.isfinite(first).all()
    assert all(np.array_equal(first, other) for other in others)
    alone = [classifiers[0].classify(image[None])[0] for image in images]
    assert np.array_equal(first, np.stack(alone))


def test_what_cannot_be_packed_is_named():
    real = make_classifier(NetworkSettings(architecture="wrn22"))
    with pytest.raises(InputError, match="layer1_0_conv1 is a real convolution"):
        pack_classifier(real, {})
    levels = make_classifier(NetworkSettings(architecture="wrn22"), "rbcn", "two_bit")
    with pytest.raises(InputError, match="layer1_0_conv1 reads levels"):
        pack_classifier(levels, {})
    broken = random_classifier(9, architecture="wrn22")
    with torch.no_grad():
        broken.fc.bias[0] = torch.nan
    with pytest.raises(InputError, match=r"fc\.bias holds a value that is not finite"):
        pack_classifier(broken, {})


class Bump(nn.Module):
    """An activation that is +1 only between -1 and 1."""

    def forward(self, x):
        return torch.where(x.abs() < 1, 1.0, -1.0)


class Thirds(nn.Module):
    """An activation that is no sign."""

    def forward(self, x):
        return torch.full_like(x, 1 / 3)


@pytest.mark.parametrize(
    ("binarizer", "reason"),
    [(Bump(), "both rises and falls"), (Thirds(), "values other than .1 and -1")],
)
def test_an_activation_that_is_no_step_is_refused(binarizer, reason):
    model = random_classifier(10, architecture="wrn22")
    model.layer2[0].conv2.activation_binarizer = binarizer
    with pytest.raises(InputError, match=f"layer2_0_conv2: .*{reason}"):
        pack_classifier(model, {})


def test_what_the_engine_refuses():
    packed: PackedClassifier = pack_classifier(random_classifier(11), {})
    kernels = require_kernels()
    engine = open_classifier(packed, threads=1)
    with pytest.raises(ValueError, match="RGB"):
        engine.classify(np.zeros((1, 8, 8, 4), np.uint8))
    with pytest.raises(ValueError, match="1 to 4096 rows"):
        engine.classify(np.zeros((1, 0, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="it holds a classifier"):
        kernels.Network(classifier_bytes(packed))
    with pytest.raises(InputError, match="unit 1 has no unit before it"):
        first, *rest = packed.units
        wrong = replace(packed, units=(replace(first, source="before"), *rest))
        classifier_bytes(wrong)
    assert engine.classify(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 7)
