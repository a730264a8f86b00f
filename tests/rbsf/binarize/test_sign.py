"""Eq. 5 and eq. 8: the sign, and the slope that replaces its derivative."""

import pytest
import torch

from rbsf.binarize.sign import (
    approx_sign,
    clipped_sign,
    hard_sign,
    straight_sign,
    tanh_sign,
)

GRID = torch.tensor([-2.0, -1.0001, -1.0, -0.75, -0.25, -0.0, 0.0, 0.25, 0.75, 0.9999, 1.0, 2.0])


@pytest.mark.parametrize("sign", [hard_sign, approx_sign, clipped_sign, straight_sign])
def test_sign_of_zero_is_plus_one(sign):
    assert sign(torch.tensor([0.0, -0.0, -1e-30, 1e-30])).tolist() == [1, 1, -1, 1]


def gradient(sign, x):
    x = x.clone().requires_grad_(True)
    sign(x).sum().backward()
    return x.grad


def test_equation_8_on_a_grid_around_the_clip():
    expected = [0, 0, 0, 0.5, 1.5, 2, 2, 1.5, 0.5, 0.0002, 0, 0]
    torch.testing.assert_close(
        gradient(approx_sign, GRID), torch.tensor(expected), atol=1e-6, rtol=0
    )


def test_equation_8_is_the_slope_of_a_parabola_from_minus_one_to_one():
    def parabola(x):  # the integral of eq. 8, up to a constant
        return torch.where(x < 0, 2 * x + x * x, 2 * x - x * x)

    x = torch.linspace(-0.99, 0.99, 100, dtype=torch.float64)
    step = 1e-6
    slope = (parabola(x + step) - parabola(x - step)) / (2 * step)
    torch.testing.assert_close(gradient(approx_sign, x), slope, atol=1e-6, rtol=0)


def test_straight_through_is_one_inside_the_clip():
    expected = [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert gradient(clipped_sign, GRID).tolist() == expected


def test_the_straight_sign_passes_every_gradient():
    assert gradient(straight_sign, GRID).tolist() == [1] * len(GRID)


@pytest.mark.parametrize("t", [0.01, 1.0, 10.0])
def test_the_tanh_signs_gradient_is_the_slope_of_a_tanh(t):
    """dq/dx is that of k tanh(t x), with k = max(1 / t, 1)."""
    x, step = torch.linspace(-2, 2, 80, dtype=torch.float64), 1e-6
    slope = max(1 / t, 1) * (torch.tanh(t * (x + step)) - torch.tanh(t * (x - step))) / (2 * step)
    found = gradient(lambda values: tanh_sign(values, t), x)
    torch.testing.assert_close(found, slope, atol=1e-6, rtol=1e-6)
