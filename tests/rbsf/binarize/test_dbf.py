"""DBF: orthogonal codes, and the filters that are made from them."""

import pytest
import torch

from rbsf.binarize import DBF


def test_codes_are_orthogonal_and_binary():
    codes = DBF(torch.Size((2, 8, 4, 2)), share=1.0).codes
    assert codes.shape == (64, 64) and (codes.abs() == 1).all()
    assert torch.equal(codes @ codes.T, 64 * torch.eye(64))


def test_with_all_codes_any_filter_can_be_made():
    for shape in (torch.Size((3, 16, 2, 2)), torch.Size((3, 4, 3, 3))):  # 64, and 36 of 64
        kernel = torch.randn(shape, dtype=torch.float64)
        binarizer = DBF(shape, share=1.0).double()
        torch.testing.assert_close(binarizer(binarizer.latent(kernel)).signs, kernel)


def test_a_filter_is_the_weighted_sum_of_the_codes():
    binarizer = DBF(torch.Size((2, 2, 2, 2)), share=0.5)
    c = torch.randn(binarizer.latent_shape)
    assert c.shape == (2, 4, 1, 1)
    kernel = binarizer(c).signs
    for i in range(2):
        expected = sum(c[i, j, 0, 0] * binarizer.codes[j] for j in range(4)).reshape(2, 2, 2)
        torch.testing.assert_close(kernel[i], expected)


def test_a_gradient_reaches_a_coefficient_by_its_code():
    binarizer = DBF(torch.Size((2, 2, 2, 2)), share=0.5)
    c = torch.randn(binarizer.latent_shape, requires_grad=True)
    g = torch.randn(2, 2, 2, 2)
    (binarizer(c).signs * g).sum().backward()
    torch.testing.assert_close(c.grad.flatten(1), g.flatten(1) @ binarizer.codes.T)


def test_the_coefficients_of_a_kernel_are_the_nearest():
    binarizer = DBF(torch.Size((2, 4, 3, 3))).double()
    kernel = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    c = binarizer.latent(kernel).requires_grad_(True)
    (gradient,) = torch.autograd.grad((binarizer(c).signs - kernel).square().sum(), c)
    assert gradient.abs().max() < 1e-9


@pytest.mark.parametrize(("share", "count"), [(0.25, 9), (0.0625, 2), (0.001, 1)])
def test_the_share_is_that_of_the_parameters(share, count):
    assert DBF(torch.Size((2, 4, 3, 3)), share).latent_shape == (2, count, 1, 1)


def test_codes_are_no_part_of_a_checkpoint():
    assert DBF(torch.Size((2, 4, 3, 3))).state_dict() == {}
