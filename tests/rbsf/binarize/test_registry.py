"""Every binarizer by its name: what all of them promise."""

from typing import get_args

import pytest
import torch

from rbsf.binarize import (
    ACTIVATIONS,
    WEIGHTS,
    ActivationBinarizerName,
    WeightBinarizerName,
    activation_binarizer,
    weight_binarizer,
)

SHAPE = torch.Size((8, 4, 3, 3))
ONE_BIT = [name for name in WEIGHTS if not weight_binarizer(name, SHAPE).obstacle]
REAL = [name for name in WEIGHTS if name not in ONE_BIT]


def made(name, seed=0):
    """A binarizer in eval mode, and the latent weight that it was fitted to."""
    torch.manual_seed(seed)
    binarizer, kernel = weight_binarizer(name, SHAPE), 0.3 * torch.randn(SHAPE)
    weight = binarizer.latent(kernel).clone()
    binarizer.fit(weight)
    return binarizer.eval(), weight


def test_the_names_of_the_settings_are_those_of_the_registry():
    assert get_args(WeightBinarizerName) == tuple(WEIGHTS)
    assert set(get_args(ActivationBinarizerName)) == set(ACTIVATIONS)


def test_what_does_not_pack():
    assert REAL == ["xnor_map", "mcn", "abcnet", "dbf", "cibcnn"]


@pytest.mark.parametrize("name", ONE_BIT)
def test_what_packs_gives_signs_and_positive_scales_without_training(name):
    binarizer, weight = made(name)
    signs, scale = binarizer(weight)
    assert signs.shape == SHAPE and (signs.abs() == 1).all()
    assert scale.numel() in (1, 8) and (scale > 0).all()
    assert binarizer.cost.passes == 1 and binarizer.cost.reals == 0


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_latent_weight_and_its_kernel_have_the_shapes_they_say(name):
    binarizer, weight = made(name)
    assert weight.shape == binarizer.latent_shape
    assert binarizer.kernel(weight).shape == SHAPE
    torch.testing.assert_close(binarizer.latent(binarizer.kernel(weight)), weight)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_zero_weight_is_finite_and_has_a_gradient(name):
    """A filter of zeros must not divide by its own magnitude."""
    binarizer, weight = made(name)
    weight = torch.zeros_like(weight).requires_grad_(True)
    signs, scale = binarizer.train()(weight)
    (signs * scale).sum().backward()
    assert signs.isfinite().all() and weight.grad.isfinite().all()


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_step_that_made_weights_huge_is_projected_to_something_finite(name):
    binarizer, weight = made(name)
    for parameter in binarizer.parameters():
        parameter.data.fill_(-1)
    weight.fill_(1e3)
    binarizer.project(weight)
    signs, scale = binarizer(weight)
    assert signs.isfinite().all() and (scale > 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_keep_shape_and_type_and_pass_a_gradient(name):
    x = torch.linspace(-2, 2, 96).reshape(2, 3, 4, 4).requires_grad_(True)
    out = activation_binarizer(name, 3)(x)
    out.sum().backward()
    assert (out.shape, out.dtype) == (x.shape, x.dtype) and x.grad.abs().sum() > 0


def test_the_costs_of_what_is_not_one_bit_a_weight():
    n = SHAPE.numel()
    costs = {name: tuple(weight_binarizer(name, SHAPE).cost) for name in WEIGHTS}
    assert costs["rbcn"] == costs["binaryrelax"] == (n, 0, 1)
    assert costs["pcnn_4"] == costs["cbcn"] == (n // 4, 0, 1)
    assert costs["mcn"] == (n // 4, 4 * 9, 0)
    assert costs["abcnet"] == (3 * n, 3, 3)
    assert costs["dbf"] == (0, n // 4, 0)
