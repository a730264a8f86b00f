"""What networks cost: closed forms, and Table 6 of the RBCN paper."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rbsf.account import account, account_classifier, account_tracker, table6
from rbsf.binarize import ApproxSign, BiReal
from rbsf.nn import (
    BinaryAlexNetV1,
    BinaryConv2d,
    NetworkSettings,
    SiamFC,
    make_classifier,
    make_student,
)
from rbsf.nn.box_head import BoxNet


@pytest.fixture(scope="module")
def real():
    return make_classifier(NetworkSettings(stem="large", classes=1000))


@pytest.fixture(scope="module")
def binary():
    return make_classifier(NetworkSettings(stem="large", classes=1000), "rbcn")


def test_table_6_of_the_paper(real, binary):
    whole, packed = table6(real), table6(binary)
    assert f"{packed.memory / 1e6:.1f}" == "33.7"
    assert f"{whole.memory / 1e6:.1f}" == "374.1"
    assert f"{whole.memory / packed.memory:.2f}" == "11.10"
    assert f"{packed.flops:.2e}" == "1.67e+08"
    assert f"{whole.flops:.2e}" == "1.81e+09"
    assert f"{whole.flops / packed.flops:.2f}" == "10.86"


def test_resnet_18_by_the_plain_rule(real, binary):
    whole, packed = account_classifier(real, 224), account_classifier(binary, 224)
    assert (whole.bits, whole.reals) == (0, 11_689_512)  # the parameters in torchvision
    assert whole.binary_macs == 0
    assert packed.bits == 4 * 36_864 + 73_728 + 3 * 147_456 + 294_912 + 3 * 589_824 + 1_179_648 + (
        3 * 2_359_296
    )
    assert packed.reals == whole.reals - packed.bits + 16  # a C* for each binary layer
    stem, shortcuts, last = 112**2 * 64 * 147, 3 * 6_422_528, 512_000
    assert packed.real_macs == stem + shortcuts + last
    assert packed.binary_macs + packed.real_macs == whole.real_macs == 1_814_073_344
    assert f"{whole.flops / packed.flops:.2f}" == "11.06"  # Bi-Real Net's own row
    names = [layer.name for layer in packed.layers if layer.kind == "binary"]
    assert names[0] == "layer1.0.conv1" and len(names) == 16


def test_a_layer_by_hand():
    conv = BinaryConv2d(
        8, 12, 3, groups=2, stride=2, padding=1, pad_value=0,
        weight_binarizer=BiReal, activation_binarizer=ApproxSign(),
    )  # fmt: skip
    network = nn.Sequential(conv, nn.BatchNorm2d(12), nn.Conv2d(12, 5, 1))
    found = account(network, lambda: network(torch.zeros(1, 8, 7, 9)))
    binary, norm, real = found.layers
    assert (binary.kind, binary.bits, binary.reals) == ("binary", 12 * 4 * 9, 12 + 12)
    assert (binary.macs, binary.outputs) == (4 * 5 * 12 * 4 * 9, 4 * 5 * 12)
    assert (norm.kind, norm.reals, norm.macs) == ("norm", 24, 0)
    assert (real.kind, real.reals, real.macs) == ("real", 12 * 5 + 5, 4 * 5 * 12 * 5)
    assert found.memory == 432 + 32 * (24 + 24 + 65)
    assert found.flops == real.macs + binary.macs / 64
    assert network.training


def test_activations_of_two_bits_are_multiplied_twice():
    one, two = (account_tracker(make_student(activations=name)) for name in ("approx", "two_bit"))
    assert two.binary_macs == 2 * one.binary_macs
    assert two.real_macs == one.real_macs and two.memory == one.memory


def test_trackers():
    teacher, student = account_tracker(SiamFC()), account_tracker(make_student())
    boxes = account_tracker(BoxNet(BinaryAlexNetV1()))
    assert teacher.reals == 2_336_320
    assert student.bits == 256 * 48 * 25 + 384 * 256 * 9 + 384 * 192 * 9 + 256 * 192 * 9
    correlation = 17**2 * 36 * 256
    assert teacher.layers[-1].macs == student.layers[-1].macs == correlation
    conv1 = (59**2 + 123**2) * 96 * 363
    assert student.real_macs == conv1 + correlation
    assert student.binary_macs == teacher.real_macs - student.real_macs
    assert boxes.bits == student.bits and boxes.reals > student.reals
    assert 1e8 > boxes.real_macs - student.real_macs > 0


@pytest.mark.parametrize(
    ("weights", "kind", "bits", "passes"),
    [("rbcn", "binary", 1, 1), ("cbcn", "binary", 0.25, 1), ("abcnet", "binary", 3, 3),
     ("mcn", "real", 0.25, 1), ("dbf", "real", 0, 1)],
)  # fmt: skip
def test_a_binarizer_counts_what_it_keeps_and_each_of_its_passes(weights, kind, bits, passes):
    settings = NetworkSettings(architecture="wrn22", stages=(8, 8, 8, 8))
    network = account_classifier(make_classifier(settings, weights), 16)
    layer = next(layer for layer in network.layers if layer.name == "layer1.0.conv1")
    assert (layer.kind, layer.bits) == (kind, bits * 8 * 8 * 9)
    assert layer.macs == passes * 16**2 * 8 * 8 * 9
