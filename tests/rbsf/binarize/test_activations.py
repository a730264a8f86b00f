"""Activation binarizers by name, and RSign's learned thresholds."""

import pytest
import torch

from rbsf.binarize import ApproxSign, ClippedSign, RSign, activation_binarizer


def test_by_name():
    assert isinstance(activation_binarizer("approx", 3), ApproxSign)
    assert isinstance(activation_binarizer("clipped", 3), ClippedSign)
    assert isinstance(activation_binarizer("rsign", 3), RSign)
    with pytest.raises(KeyError):
        activation_binarizer("rsing", 3)


def test_rsign_starts_as_approx_sign():
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(RSign(3)(x), ApproxSign()(x))


def test_rsign_steps_at_its_channels_threshold():
    sign = RSign(2)
    sign.alpha.data = torch.tensor([0.5, -1.0])
    x = torch.tensor([0.6, 0.5, 0.4, -0.9, -1.0, -1.1]).expand(1, 2, 1, 6)
    assert sign(x)[0, 0, 0].tolist() == [1, 1, -1, -1, -1, -1]
    assert sign(x)[0, 1, 0].tolist() == [1, 1, 1, 1, 1, -1]


def test_the_gradient_of_a_threshold_is_minus_that_of_its_inputs():
    sign, x = RSign(3).double(), torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    sign.alpha.data.normal_()
    weights = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    (sign(x) * weights).sum().backward()
    distance = (x - sign.alpha.reshape(1, -1, 1, 1)).detach().abs()
    torch.testing.assert_close(x.grad, weights * (2 - 2 * distance).clamp(min=0))
    torch.testing.assert_close(sign.alpha.grad, -x.grad.sum(dim=(0, 2, 3)))
