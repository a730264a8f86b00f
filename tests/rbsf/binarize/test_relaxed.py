"""BinaryRelax and ADMM, whose weights become binary in the course of the training."""

import pytest
import torch

from rbsf.binarize import ADMM, BinaryRelax
from rbsf.binarize.admm import INTERVAL

SHAPE = torch.Size((6, 4, 3, 3))


def latent(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def projection(w):
    """The nearest alpha times signs of each filter, in its closed form."""
    return w.abs().mean(dim=(1, 2, 3), keepdim=True) * torch.where(w >= 0, 1.0, -1.0)


def test_the_projection_is_the_nearest_of_all_scaled_signs():
    w = latent()[:1, :1, 0]  # three weights: all eight signs can be tried
    found = projection(w[..., None])
    errors = []
    for bits in range(8):
        signs = torch.tensor([1.0 if bits >> k & 1 else -1.0 for k in range(3)]).double()
        alpha = (signs * w.flatten()).mean().clamp(min=0)
        errors.append((w.flatten() - alpha * signs).square().sum().item())
    assert (w.flatten() - found.flatten()).square().sum().item() == pytest.approx(min(errors))


@pytest.mark.parametrize("share", [0.0, 0.4, 0.79])
def test_phase_one_blends_w_with_its_projection(share):
    w, binarizer = latent(), BinaryRelax(SHAPE)
    binarizer.set_progress(share)
    strength = 1.02 ** (300 * share / 0.8)
    values, alpha = binarizer(w)
    expected = (w + strength * projection(w)) / (1 + strength)
    torch.testing.assert_close(values * alpha, expected)


def test_the_blend_is_the_proximal_point_of_the_squared_distance():
    """x = argmin ||x - W||^2 + lambda ||x - proj W||^2, the Moreau envelope's, by its gradient."""
    w, binarizer = latent(), BinaryRelax(SHAPE)
    binarizer.set_progress(0.2)
    values, alpha = binarizer(w)
    x = (values * alpha).detach().requires_grad_(True)
    envelope = (x - w).square().sum() + binarizer.strength * (x - projection(w)).square().sum()
    (gradient,) = torch.autograd.grad(envelope, x)
    assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_the_gradient_at_x_is_applied_to_w(share):
    w, binarizer = latent().requires_grad_(True), BinaryRelax(SHAPE)
    binarizer.set_progress(share)
    values, alpha = binarizer(w)
    g = torch.randn(SHAPE, dtype=torch.float64)
    (values * alpha * g).sum().backward()
    torch.testing.assert_close(w.grad, g)


def test_weights_are_exactly_binary_in_phase_two_and_without_training():
    w, binarizer = latent(), BinaryRelax(SHAPE)
    assert (binarizer(w).signs.abs() != 1).any()
    assert (binarizer.eval()(w).signs.abs() == 1).all()
    binarizer.train().set_progress(0.8)
    values, alpha = binarizer(w)
    assert (values.abs() == 1).all()
    torch.testing.assert_close(values * alpha, projection(w))


def test_admm_trains_real_weights_by_the_gradient_of_a_plain_kernel():
    w, binarizer = latent().requires_grad_(True), ADMM(SHAPE).double()
    binarizer.fit(w)
    values, alpha = binarizer(w)
    torch.testing.assert_close(values * alpha, w)
    g = torch.randn(SHAPE, dtype=torch.float64)
    (values * alpha * g).sum().backward()
    torch.testing.assert_close(w.grad, g)


def test_admms_steps_of_g_and_of_the_dual_variable():
    w, binarizer = latent(), ADMM(SHAPE).double()
    binarizer.fit(w)
    g, dual = projection(w), torch.zeros(SHAPE).double()
    torch.testing.assert_close(binarizer.g, g)
    for seed in (1, 2):
        w = latent(seed)
        for _ in range(INTERVAL):
            torch.testing.assert_close(binarizer.g, g)
            loss = binarizer.kernel_loss(w, "direct").item()
            assert loss == pytest.approx((w - g + dual).square().sum().item())
            binarizer.project(w)
        g = projection(w + dual)
        dual = dual + w - g
        torch.testing.assert_close(binarizer.g, g)
        torch.testing.assert_close(binarizer.dual, dual)


def test_admm_solves_a_problem_whose_answer_is_known():
    """The nearest scaled signs to a target are its projection; training starts elsewhere."""
    target, binarizer = latent(3), ADMM(SHAPE).double()
    w = latent().requires_grad_(True)
    binarizer.fit(w)
    optimiser = torch.optim.SGD([w], lr=0.1)
    for _ in range(30 * INTERVAL):
        optimiser.zero_grad()
        loss = (w - target).square().sum() + 2 / 2 * binarizer.kernel_loss(w, "direct")
        loss.backward()
        optimiser.step()
        binarizer.project(w)
    signs, alpha = binarizer.eval()(w)
    error = (alpha * signs - target).square().sum() / (projection(target) - target).square().sum()
    assert error.item() == pytest.approx(1, abs=1e-6)
    assert (w - alpha * signs).abs().max() < 1e-6  # what is trained is what is kept


def test_admm_keeps_signs_alone():
    w, binarizer = latent(), ADMM(SHAPE).double()
    binarizer.fit(w)
    signs, alpha = binarizer.eval()(latent(9))
    assert torch.equal(signs, torch.where(w >= 0, 1.0, -1.0).double())
    torch.testing.assert_close(alpha.flatten(), w.abs().mean(dim=(1, 2, 3)))
