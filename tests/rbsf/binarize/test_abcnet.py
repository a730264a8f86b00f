"""ABC-Net's bases, their least-squares weights, and its several activations."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rbsf.binarize import ABCNet, ABCSign

SHAPE = torch.Size((6, 4, 3, 3))


def latent(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 + torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def bases(w, count):
    u = [-1 + 2 * m / (count - 1) for m in range(count)] if count > 1 else [0.0]
    return [np.where(w - w.mean() + shift * w.std() >= 0, 1.0, -1.0) for shift in u]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_kernel_is_the_best_sum_of_its_bases(count):
    w = latent()
    kernel, scale = ABCNet(SHAPE, count)(w)
    columns = np.stack([b.flatten() for b in bases(w.numpy(), count)], axis=1)
    alpha, *_ = np.linalg.lstsq(columns, w.numpy().flatten(), rcond=None)
    np.testing.assert_allclose(kernel.flatten().numpy(), columns @ alpha, atol=1e-9)
    assert scale == 1


def test_more_bases_come_nearer_to_the_kernel():
    w = latent()
    errors = [(w - ABCNet(SHAPE, m)(w).signs).square().sum().item() for m in (1, 2, 3, 5)]
    assert errors[0] > errors[2] > errors[3] and errors[1] > errors[3]


def test_the_gradient_is_that_of_every_base_times_its_alpha():
    w = latent().requires_grad_(True)
    kernel, _ = ABCNet(SHAPE, 3)(w)
    g = torch.randn(SHAPE, dtype=torch.float64)
    (kernel * g).sum().backward()
    columns = np.stack([b.flatten() for b in bases(w.detach().numpy(), 3)], axis=1)
    alpha, *_ = np.linalg.lstsq(columns, w.detach().numpy().flatten(), rcond=None)
    torch.testing.assert_close(w.grad, g * alpha.sum())


def test_a_convolution_with_the_sum_is_the_sum_of_binary_convolutions():
    """Eq. 10: this is what an engine of bits would compute, in M times N passes."""
    w, x = latent(), torch.randn(2, 4, 6, 6, dtype=torch.float64)
    sign = ABCSign(2).double()
    sign.v.data, sign.beta.data = (
        torch.tensor([0.3, -0.2], dtype=torch.float64),
        torch.tensor([0.7, 1.1], dtype=torch.float64),
    )
    whole = F.conv2d(sign(x), ABCNet(SHAPE, 3)(w).signs)
    columns = np.stack([b.flatten() for b in bases(w.numpy(), 3)], axis=1)
    alpha, *_ = np.linalg.lstsq(columns, w.numpy().flatten(), rcond=None)
    parts = 0
    for beta, v in zip((0.7, 1.1), (0.3, -0.2), strict=True):
        bits = torch.where((x + v).clamp(0, 1) >= 0.5, 1.0, -1.0).double()
        for a, b in zip(alpha, bases(w.numpy(), 3), strict=True):
            parts = parts + beta * a * F.conv2d(bits, torch.from_numpy(b))
    torch.testing.assert_close(whole, parts)


def test_activations_and_their_gradients():
    sign = ABCSign(2).double()
    sign.v.data, sign.beta.data = (
        torch.tensor([0.0, 1.0]).double(),
        torch.tensor([2.0, 1.0]).double(),
    )
    x = torch.tensor([-1.5, -0.7, -0.2, 0.2, 0.7, 1.5], dtype=torch.float64, requires_grad=True)
    out = sign(x)
    assert out.tolist() == [-3, -3, -1, -1, 3, 3]
    out.sum().backward()
    # 0 <= x <= 1 for the first map with weight 2, -1 <= x <= 0 for the second with weight 1
    assert x.grad.tolist() == [0, 1, 1, 2, 2, 0]
    assert sign.v.grad.tolist() == [4, 2]
    assert sign.beta.grad.tolist() == [-2, 2]
