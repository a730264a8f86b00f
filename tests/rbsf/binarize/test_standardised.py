"""ReCU and IR-Net: standardised weights, their scales, and gradients by closed forms."""

import math

import pytest
import torch

from rbsf.binarize import IRNet, ReCU, weight_binarizer
from rbsf.binarize.standard import standardise

SHAPE = torch.Size((6, 32, 3, 3))


def latent(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.empty(SHAPE, dtype=torch.float64).normal_(0.02, 0.1, generator=generator)


def at(kind, progress):
    binarizer = kind(SHAPE).double()
    binarizer.fit(latent())
    binarizer.set_progress(progress)
    return binarizer


def test_each_filter_gets_mean_0_and_variance_1():
    filters = standardise(latent()).flatten(1)
    torch.testing.assert_close(filters.mean(dim=1), torch.zeros(6).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(filters.std(dim=1, correction=0), torch.ones(6).double())
    assert standardise(torch.full(SHAPE, 0.3)).isfinite().all()


@pytest.mark.parametrize("kind", [ReCU, IRNet])
@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_the_signs_are_those_of_the_centred_weights_at_any_time(kind, progress):
    w, binarizer = latent(), at(kind, progress)
    signs, scale = binarizer(w)
    centred = w - w.mean(dim=(1, 2, 3), keepdim=True)
    assert torch.equal(signs, torch.where(centred >= 0, 1.0, -1.0).double())
    assert (scale > 0).all() and scale.numel() == 6


def test_recus_alpha_starts_at_the_mean_magnitude_and_stays_positive():
    binarizer = at(ReCU, 0.0)
    expected = latent().abs().mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(binarizer.alpha.data, expected)
    binarizer.alpha.data.fill_(-1)
    binarizer.project(latent())
    assert (binarizer.alpha > 0).all()


def test_recus_tau_grows_from_085_to_099_along_an_exponential():
    taus = [at(ReCU, progress).tau for progress in (0.0, 0.5, 1.0)]
    assert taus[0] == pytest.approx(0.85) and taus[2] == pytest.approx(0.99)
    share = (taus[1] - taus[0]) / (taus[2] - taus[0])
    assert share == pytest.approx((math.exp(0.5) - 1) / (math.e - 1))


@pytest.mark.parametrize(("progress", "tau"), [(0.0, 0.85), (1.0, 0.99)])
def test_recu_clamps_the_tails_of_a_laplace_distribution(progress, tau):
    """A share tau of Laplace weights is below Q. The gradient inside is that of V, outside 0."""
    generator = torch.Generator().manual_seed(1)
    uniform = torch.rand(1, 100_000, 1, 1, dtype=torch.float64, generator=generator) - 0.5
    w = (-uniform.sign() * torch.log1p(-2 * uniform.abs())).requires_grad_(True)
    weights = torch.randn(w.shape, dtype=torch.float64, generator=generator)
    binarizer = ReCU(w.shape).double()
    binarizer.set_progress(progress)
    (gradient,) = torch.autograd.grad((binarizer(w).signs * weights).sum(), w)
    v = 2 * math.sqrt(2) * standardise(w)
    quantile = -v.detach().abs().mean() * math.log(2 - 2 * tau)
    (expected,) = torch.autograd.grad(v, w, weights * (v.detach().abs() <= quantile))
    torch.testing.assert_close(gradient, expected)
    assert (v < quantile).double().mean().item() == pytest.approx(tau, abs=0.005)


@pytest.mark.parametrize(("progress", "t"), [(0.0, 1e-2), (1 / 3, 1e-1), (1.0, 10.0)])
def test_irnets_gradient(progress, t):
    binarizer = at(IRNet, progress)
    assert binarizer.sharpness == pytest.approx(t)
    w = latent().requires_grad_(True)
    weights = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    signs, _ = binarizer(w)
    (gradient,) = torch.autograd.grad((signs * weights).sum(), w)
    v = standardise(w)
    slope = max(1 / t, 1) * t * (1 - torch.tanh(t * v.detach()) ** 2)
    (expected,) = torch.autograd.grad(v, w, weights * slope)
    torch.testing.assert_close(gradient, expected)


def test_irnets_scale_is_the_power_of_two_nearest_to_the_mean_magnitude():
    _, scale = IRNet(SHAPE)(latent().requires_grad_(True))
    assert not scale.requires_grad  # a constant for the gradient
    magnitude = standardise(latent()).abs().mean(dim=(1, 2, 3), keepdim=True)
    assert (scale.log2() == scale.log2().round()).all()
    assert ((scale / magnitude).log2().abs() <= 0.5).all()
    # a normal distribution has sqrt(2 / pi) = 0.8, whose nearest power is 1
    assert (scale == 1).all()


def test_by_name():
    assert isinstance(weight_binarizer("recu", SHAPE), ReCU)
    assert isinstance(weight_binarizer("irnet", SHAPE), IRNet)
