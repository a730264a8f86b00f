"""RBCN's C: eq. 4, 6, 11 and 15, compared with closed forms and finite differences."""

import pytest
import torch
from torch.nn import functional as F

from rbsf.binarize import weight_binarizer
from rbsf.binarize.weights import RBCN, BiReal
from rbsf.binarize.xnor import XNOR

SHAPE = torch.Size((6, 4, 3, 3))


def latent(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.empty(SHAPE, dtype=torch.float64).normal_(0, 0.5, generator=generator)


def rbcn(c_shape="kernel", seed=1):
    binarizer = RBCN(SHAPE, c_shape).double()
    generator = torch.Generator().manual_seed(seed)
    binarizer.c.data.uniform_(0.2, 0.6, generator=generator)
    return binarizer


@pytest.mark.parametrize(
    ("c_shape", "size"),
    [("kernel", (1, 1, 3, 3)), ("layer", (1, 1, 1, 1)), ("channel", (6, 1, 1, 1))],
)
def test_c_shape_and_closed_form_start(c_shape, size):
    w, binarizer = latent(), RBCN(SHAPE, c_shape).double()
    binarizer.fit(w)
    assert binarizer.c.shape == size
    # the closed form is the minimum of the kernel loss, so its gradient to C vanishes there
    (gradient,) = torch.autograd.grad(binarizer.kernel_loss(w, "direct"), binarizer.c)
    assert gradient.abs().max() < 1e-9
    assert binarizer.c.min() > 0


def test_forward_is_exactly_plus_minus_one_times_the_mean_of_c():
    w, binarizer = latent(), rbcn()
    signs, scale = binarizer(w)
    assert torch.equal(signs, torch.where(w >= 0, 1.0, -1.0).double())
    assert scale.item() == pytest.approx(binarizer.c.mean().item())


def test_backward_keeps_the_elements_of_c():
    """dL/dC[a, b] is that of eq. 6, as if the convolution used What (.) C with C a free matrix."""
    w, binarizer = latent(), rbcn()
    x = torch.randn(2, 4, 7, 7, dtype=torch.float64).sign()
    g = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    signs, scale = binarizer(w)
    (gradient,) = torch.autograd.grad((F.conv2d(x, signs) * scale * g).sum(), binarizer.c)

    expected = torch.zeros(3, 3, dtype=torch.float64)
    what = torch.where(w >= 0, 1.0, -1.0).double()
    star, step = torch.full((3, 3), binarizer.c.mean().item(), dtype=torch.float64), 1e-5
    for a in range(3):
        for b in range(3):
            moved = torch.zeros(3, 3, dtype=torch.float64)
            moved[a, b] = step
            up = (F.conv2d(x, what * (star + moved)) * g).sum()
            down = (F.conv2d(x, what * (star - moved)) * g).sum()
            expected[a, b] = (up - down) / (2 * step)
    torch.testing.assert_close(gradient[0, 0], expected, atol=1e-6, rtol=1e-6)


def test_gradient_to_what_is_scaled_by_c_star_and_passes_equation_8():
    w, binarizer = latent().requires_grad_(True), rbcn()
    x = torch.randn(2, 4, 7, 7, dtype=torch.float64).sign()
    g = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    signs, scale = binarizer(w)
    (F.conv2d(x, signs) * scale * g).sum().backward()
    to_kernel = torch.nn.grad.conv2d_weight(x, SHAPE, g)
    slope = (2 - 2 * w.detach().abs()).clamp(min=0)
    torch.testing.assert_close(w.grad, to_kernel * binarizer.c.mean().item() * slope)


def test_equation_15():
    w, binarizer, l1 = latent(), rbcn(), 0.3
    loss = l1 / 2 * binarizer.kernel_loss(w, "direct")
    (gradient,) = torch.autograd.grad(loss, binarizer.c)
    what, c = torch.where(w >= 0, 1.0, -1.0), binarizer.c.detach()
    expected = -l1 * ((w - c * what) * what).sum(dim=(0, 1), keepdim=True)
    torch.testing.assert_close(gradient, expected)


def test_equation_11_is_the_papers_gradient_to_what():
    """It reaches W through What alone, as -l1 (W - C What) C times the slope of eq. 8."""
    w, binarizer, l1 = latent().requires_grad_(True), rbcn(), 0.3
    (l1 / 2 * binarizer.kernel_loss(w, "paper")).backward()
    c, what, value = binarizer.c.detach(), torch.where(w >= 0, 1.0, -1.0), w.detach()
    slope = (2 - 2 * value.abs()).clamp(min=0)
    torch.testing.assert_close(w.grad, -l1 * (value - c * what) * c * slope)


def test_direct_gradient_of_equation_4_by_finite_differences():
    w, binarizer = latent(), rbcn()
    w = torch.where(w.abs() < 1e-3, torch.full_like(w, 0.1), w).requires_grad_(True)
    binarizer.kernel_loss(w, "direct").backward()
    step, index = 1e-6, (2, 1, 0, 2)
    moved = torch.zeros_like(w)
    moved[index] = step
    with torch.no_grad():
        up, down = (binarizer.kernel_loss(w + s * moved, "direct") for s in (1, -1))
    assert w.grad[index].item() == pytest.approx(((up - down) / (2 * step)).item(), rel=1e-5)


def test_autograd_is_the_sum_of_direct_and_paper():
    gradients = {}
    for name in ("direct", "paper", "autograd"):
        w, binarizer = latent().requires_grad_(True), rbcn()
        binarizer.kernel_loss(w, name).backward()
        gradients[name] = w.grad
    torch.testing.assert_close(gradients["autograd"], gradients["direct"] + gradients["paper"])


def test_the_direct_gradient_descends_and_the_printed_one_climbs():
    """In 300 steps the kernel loss falls with the direct gradient, but grows as printed."""
    ends = {}
    for name in ("direct", "paper"):
        w, binarizer = latent().requires_grad_(True), rbcn("kernel")
        binarizer.fit(w)
        optimiser = torch.optim.SGD([w, binarizer.c], lr=0.01)
        start = binarizer.kernel_loss(w, name).item()
        for _ in range(300):
            optimiser.zero_grad()
            binarizer.kernel_loss(w, name).backward()
            optimiser.step()
            binarizer.project(w)
        ends[name] = binarizer.kernel_loss(w, name).item() / start
    assert ends["direct"] < 0.05
    assert ends["paper"] > 1


def test_c_stays_positive():
    binarizer = rbcn()
    binarizer.c.data.fill_(-1.0)
    binarizer.project(latent())
    assert binarizer.c_star > 0


def test_xnor_scales_each_filter_by_its_mean_magnitude():
    w = 0.3 * latent()
    signs, alpha = XNOR(SHAPE)(w)
    centred = w - w.mean(dim=1, keepdim=True)
    assert torch.equal(signs, torch.where(centred >= 0, 1.0, -1.0).double())
    for i in range(6):
        assert alpha[i].item() == pytest.approx(centred[i].abs().mean().item())
        # alpha is the least-squares scale of the signs (XNOR-Net eq. 6)
        best = (centred[i] * signs[i]).sum() / signs[i].numel()
        assert alpha[i].item() == pytest.approx(best.item())


def test_xnor_clamps_the_centred_w_as_the_released_code_does():
    """Centre, clamp to +-1, then take signs and magnitudes; and W itself is moved there."""
    w = 4 * latent()
    centred = w - w.mean(dim=1, keepdim=True)
    expected = centred.clamp(-1, 1)
    assert (centred.abs() > 1).any() and (centred.abs() < 1).any()
    signs, alpha = XNOR(SHAPE)(w)
    torch.testing.assert_close(alpha[:, 0, 0, 0], expected.abs().mean(dim=(1, 2, 3)))
    assert torch.equal(signs, torch.where(centred >= 0, 1.0, -1.0).double())
    XNOR(SHAPE).project(w)
    torch.testing.assert_close(w, expected)


def test_no_gradient_of_xnor_passes_the_clamp():
    w = latent() + 4 * torch.eye(6, 4, dtype=torch.float64)[:, :, None, None]
    w.requires_grad_(True)
    signs, _ = XNOR(SHAPE)(w)
    beyond = (w - w.mean(dim=1, keepdim=True)).abs() > 1
    upstream = torch.where(beyond, 1.0, 0.0).double()
    (upstream * signs).sum().backward()
    assert beyond.any() and w.grad.abs().max() == 0


def test_bireal_is_rbcn_with_a_scale_for_each_filter_and_a_straight_gradient():
    w = 3 * latent().requires_grad_(True)
    w.retain_grad()
    signs, alpha = BiReal(SHAPE)(w)
    assert torch.equal(signs, torch.where(w >= 0, 1.0, -1.0).double())
    torch.testing.assert_close(alpha[:, 0, 0, 0], w.detach().abs().mean(dim=(1, 2, 3)))
    (signs * alpha).sum().backward()
    torch.testing.assert_close(w.grad, (w.detach().abs() <= 1) * alpha)


def test_binarizers_by_name():
    assert isinstance(weight_binarizer("rbcn", SHAPE), RBCN)
    assert isinstance(weight_binarizer("xnor", SHAPE), XNOR)
    assert isinstance(weight_binarizer("bireal", SHAPE), BiReal)
    with pytest.raises(KeyError):
        weight_binarizer("xnro", SHAPE)
