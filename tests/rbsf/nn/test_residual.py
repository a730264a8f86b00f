"""The classifiers: shapes and multiplications of the paper, torchvision's arithmetic, shortcuts."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

from rbsf.nn import BinaryConv2d, NetworkSettings, binary_layers, make_classifier


def multiplications(network: nn.Module, side: int) -> dict[str, int]:
    """Counts the multiplications of a picture, those of binary convolutions apart."""
    counts = {"binary": 0, "real": 0}

    def count(module: nn.Module, inputs, output) -> None:
        kind = "binary" if isinstance(module, BinaryConv2d) else "real"
        counts[kind] += output.numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, BinaryConv2d | nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, side, side))
    return counts


def test_resnet18_has_the_multiplications_of_table_6():
    settings = NetworkSettings(stem="large", classes=1000)
    real = multiplications(make_classifier(settings), 224)
    assert f"{real['real']:.2e}" == "1.81e+09"
    # The stem, three 1x1 convolutions of as many multiplications, and the linear layer stay real.
    binary = multiplications(make_classifier(settings, "rbcn"), 224)
    assert binary["real"] == 112**2 * 64 * 3 * 7**2 + 3 * (28**2 * 128 * 64) + 512 * 1000
    assert binary["real"] + binary["binary"] == real["real"]


@pytest.mark.parametrize(("architecture", "depth"), [("wrn22", 22), ("wrn40", 40)])
def test_a_wrn_has_as_many_convolutions_as_its_name_says(architecture, depth):
    # Zagoruyko and Komodakis count 6 n + 4: the stem, 6 n of 3x3, and one of 1x1 for each stage.
    # At a widening of 1 the first stage has the stem's channels, so that its shortcut needs none.
    network = make_classifier(NetworkSettings(architecture=architecture), "rbcn")
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | BinaryConv2d)]
    assert len(convs) == depth - 1
    assert len(binary_layers(network)) == depth - 4
    assert [network.channels[f"layer{i}_0_conv1"] for i in (1, 2, 3)] == [16, 32, 64]


def test_the_real_resnet18_is_torchvisions():
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18().eval()
    settings = NetworkSettings(stem="large", shortcut="block", classes=1000)
    ours = make_classifier(settings).eval()
    ours.load_state_dict(theirs.state_dict())
    pixels = torch.rand(2, 3, 65, 65) * 255
    normal = v2.functional.normalize(pixels / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(ours(pixels).logits, theirs(normal), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weights", [None, "rbcn"])
@pytest.mark.parametrize("order", ["conv_first", "norm_first"])
@pytest.mark.parametrize("shortcut", ["conv", "block"])
def test_what_goes_around_a_convolution_that_gives_nothing(weights, order, shortcut):
    torch.manual_seed(1)
    settings = NetworkSettings(architecture="wrn22", order=order, shortcut=shortcut)
    block = make_classifier(settings, weights).blocks[1].eval()
    for conv in (block.conv1, block.conv2):  # a binary sum cannot be 0, but its scale can
        conv.forward = lambda x, shape=16: torch.zeros(len(x), shape, *x.shape[2:])
    x = torch.randn(2, 16, 5, 5)
    first, second = block(x)
    kept = F.relu(x) if weights is None and order == "conv_first" else x
    assert torch.equal(first, kept if shortcut == "conv" else torch.zeros_like(x))
    assert torch.equal(second, kept)


@pytest.mark.parametrize("order", ["conv_first", "norm_first"])
def test_a_binary_block_is_the_sum_that_bi_real_net_prints(order):
    torch.manual_seed(2)
    settings = NetworkSettings(architecture="wrn22", order=order, padding="plus")
    block = make_classifier(settings, "bireal").blocks[0].eval()
    for norm in (block.bn1, block.bn2):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 16, 6, 6)

    def unit(x, conv, norm):
        bits = torch.where((norm(x) if order == "norm_first" else x) >= 0, 1.0, -1.0)
        signs = torch.where(conv.weight >= 0, 1.0, -1.0)
        scale = conv.weight.abs().mean(dim=(1, 2, 3)).reshape(1, -1, 1, 1)
        out = F.conv2d(F.pad(bits, (1, 1, 1, 1), value=1.0), signs) * scale
        return (out if order == "norm_first" else norm(out)) + x

    first, second = block(x)
    torch.testing.assert_close(first, unit(x, block.conv1, block.bn1))
    torch.testing.assert_close(second, unit(first, block.conv2, block.bn2))


@pytest.mark.parametrize("how", ["strided", "pooled"])
def test_a_shortcut_halves_odd_sides_as_its_convolution_does(how):
    settings = NetworkSettings(architecture="wrn22", downsample=how)
    block = make_classifier(settings, "rbcn").blocks[3]
    assert block(torch.randn(2, 16, 7, 7))[1].shape == (2, 32, 4, 4)
    x = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 16, 4, 4)
    seen = x[0, 0, ::2, ::2] if how == "strided" else F.avg_pool2d(x[0, :1], 2)[0]
    conv = block.downsample[-2]
    nn.init.constant_(conv.weight, 1 / 16)
    torch.testing.assert_close(nn.Sequential(*block.downsample[:-1])(x)[0, 0], seen)


@pytest.mark.parametrize(("padding", "value"), [("zero", 0.0), ("plus", 1.0), ("minus", -1.0)])
def test_what_a_binary_map_has_around_it(padding, value):
    settings = NetworkSettings(architecture="wrn22", padding=padding)
    conv = make_classifier(settings, "rbcn").blocks[3].conv1
    x = torch.randn(2, 16, 6, 6)
    bits, signs = (torch.where(t >= 0, 1.0, -1.0) for t in (x, conv.weight))
    counts = F.conv2d(F.pad(bits, (1, 1, 1, 1), value=value), signs, stride=2)
    torch.testing.assert_close(conv(x), counts * conv.weight_binarizer.c_star)


def test_a_student_starts_from_its_teachers_weights():
    settings = NetworkSettings(architecture="wrn22", shortcut="block")
    teacher = make_classifier(settings)
    student = make_classifier(NetworkSettings(architecture="wrn22", downsample="pooled"), "rbcn")
    student.take_weights(teacher)
    theirs = dict(teacher.named_parameters())
    for name, parameter in student.named_parameters():
        if parameter.dim() in {2, 4} and not name.endswith(".c"):
            assert torch.equal(parameter, theirs[name]), name
    for conv in binary_layers(student).values():
        best = conv.weight.abs().mean(dim=(0, 1), keepdim=True)
        torch.testing.assert_close(conv.weight_binarizer.c, best)


def test_unknown_stages_are_refused():
    with pytest.raises(ValueError, match="at least one channel"):
        NetworkSettings(stages=(64, 64, 0, 256))
