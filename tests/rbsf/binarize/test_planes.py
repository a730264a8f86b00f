"""PCNN, MCN and CBCN, which make several filters from each that they learn."""

import pytest
import torch
from torch.nn import functional as F

from rbsf.binarize import CBCN, MCN, PCNN, ApproxSign
from rbsf.errors import InputError
from rbsf.nn import BinaryConv2d

SHAPE = torch.Size((8, 4, 3, 3))


def latent(filters, size=0.8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(filters, *SHAPE[1:], generator=generator, dtype=torch.float64)


def pcnn(projections):
    torch.manual_seed(1)
    binarizer = PCNN(SHAPE, projections).double()
    binarizer.w.data.normal_(1, 0.5)
    return binarizer


def straight(u):
    return (u.abs() <= 1).double()


def test_one_projection_gives_the_signs_of_c_and_the_mean_magnitude():
    c = latent(8)
    signs, a = PCNN(SHAPE).double()(c)
    assert torch.equal(signs, torch.where(c >= 0, 1.0, -1.0).double())
    assert a.item() == pytest.approx(c.abs().mean().item())  # eq. 3.57


def test_the_mean_of_w_is_used_forward_and_its_elements_backward():
    c, binarizer = latent(8), pcnn(1)
    binarizer.w.data[0, 0, 0, 0] = -0.2  # an element that would turn signs, in a mean that does not
    signs, _ = binarizer(c)
    assert torch.equal(signs, torch.where(c >= 0, 1.0, -1.0).double())


@pytest.mark.parametrize("projections", [1, 4])
def test_the_gradients_of_discrete_backpropagation(projections):
    """Book eq. 3.51 and 3.55: the gradients to C_i, and to W_j over all filters and channels."""
    c, binarizer = latent(8 // projections).requires_grad_(True), pcnn(projections)
    g = torch.randn(SHAPE, dtype=torch.float64)
    signs, a = binarizer(c)
    (signs * a * g).sum().backward()  # Chat = a signs, so dL/dChat = g
    to_c, to_w = torch.zeros_like(c), torch.zeros_like(binarizer.w)
    for i in range(len(c)):
        for j in range(projections):
            w, upstream = binarizer.w[j].detach(), g[i * projections + j]
            inside = straight(w * c[i].detach())
            to_c[i] += upstream * inside * w
            to_w[j] += (upstream * inside * c[i].detach()).sum(dim=0, keepdim=True)
    torch.testing.assert_close(c.grad, to_c)
    torch.testing.assert_close(binarizer.w.grad, to_w)


def test_four_projections_are_different_signs_of_the_same_filter():
    torch.manual_seed(0)
    c, binarizer = latent(2), PCNN(SHAPE, 4).double()
    signs, _ = binarizer(c)
    assert torch.equal(signs[0], torch.where(c[0] >= 0, 1.0, -1.0).double())
    for i, filters in enumerate(signs.unflatten(0, (2, 4))):
        for j, found in enumerate(filters):
            assert torch.equal(found, torch.where(binarizer.w[j] * c[i] >= 0, 1.0, -1.0).double())
    assert len({tuple(f.flatten().tolist()) for f in signs}) == 8


def test_the_projection_loss_and_its_gradient_by_finite_differences():
    c, binarizer = latent(2), pcnn(4)
    a = c.abs().mean()

    def loss(c):  # eq. 8, with Chat fixed at its value here
        return sum(
            (chat[i, j] - binarizer.w[j].detach() * c[i]).square().sum()
            for i in range(2)
            for j in range(4)
        )

    chat = torch.stack(
        [torch.stack([a * torch.sign(w.detach() * c[i]) for w in binarizer.w]) for i in range(2)]
    )
    assert binarizer.kernel_loss(c, "direct").item() == pytest.approx(loss(c).item())
    leaf = c.clone().requires_grad_(True)
    binarizer.kernel_loss(leaf, "direct").backward()
    step = torch.zeros_like(c)
    step[1, 2, 0, 1] = 1e-6
    slope = (loss(c + step) - loss(c - step)) / 2e-6
    assert leaf.grad[1, 2, 0, 1].item() == pytest.approx(slope.item(), rel=1e-5)


def test_a_single_projection_whose_mean_turned_negative_still_changes_no_sign():
    c, binarizer = latent(8), PCNN(SHAPE).double()
    binarizer.w.data.fill_(-1)
    binarizer.project(c)
    signs, _ = binarizer(c)
    assert torch.equal(signs, torch.where(c >= 0, 1.0, -1.0).double())


def test_mcn_modulates_signs_element_by_element():
    c, binarizer = latent(2).requires_grad_(True), MCN(SHAPE).double()
    binarizer.m.data.normal_()
    kernel, scale = binarizer(c)
    assert scale == 1
    for i in range(2):
        for j in range(4):
            expected = torch.where(c[i] >= 0, 1.0, -1.0) * binarizer.m[j]
            torch.testing.assert_close(kernel[4 * i + j], expected)
    g = torch.randn(SHAPE, dtype=torch.float64)
    (kernel * g).sum().backward()
    per_filter = g.unflatten(0, (2, 4))
    value = c.detach()
    expected = (per_filter * binarizer.m.detach()).sum(dim=1) * straight(value)
    torch.testing.assert_close(c.grad, expected)
    signs = torch.where(value >= 0, 1.0, -1.0)[:, None]
    torch.testing.assert_close(binarizer.m.grad, (per_filter * signs).sum(dim=(0, 2)).unsqueeze(1))


def test_signs_are_constants_in_mcns_filter_loss():
    c, binarizer = latent(2).requires_grad_(True), MCN(SHAPE).double()
    binarizer.m.data.normal_()
    binarizer.kernel_loss(c, "direct").backward()
    f, m = c.detach(), binarizer.m.detach()
    torch.testing.assert_close(c.grad, sum(2 * (f - f.sign() * m[j]) for j in range(4)))


def test_mcn_starts_at_the_minimum_of_its_filter_loss():
    c, binarizer = latent(2), MCN(SHAPE).double()
    binarizer.fit(c)
    loss = binarizer.kernel_loss(c, "direct")
    expected = 4 * sum((f - f.sign() * c.abs().mean(dim=(0, 1))).square().sum() for f in c)
    assert loss.item() == pytest.approx(expected.item())
    (gradient,) = torch.autograd.grad(loss, binarizer.m)
    assert gradient.abs().max() < 1e-9


def test_cbcn_answers_a_turned_picture_with_turned_maps_in_the_next_channels():
    """Quarter turns of input and filter cancel: channel j of x is channel j + 1 of x turned."""
    torch.manual_seed(0)
    conv = BinaryConv2d(
        4, 8, 3, weight_binarizer=CBCN, activation_binarizer=ApproxSign(), bias=False
    ).double()
    x = torch.randn(1, 4, 7, 7, dtype=torch.float64)
    maps = conv(x).unflatten(1, (2, 4))
    turned = conv(torch.rot90(x, 1, (2, 3))).unflatten(1, (2, 4))
    expected = torch.rot90(maps, 1, (3, 4)).roll(1, dims=2)
    torch.testing.assert_close(turned, expected)


def test_cbcns_gradients_are_turned_back_and_added():
    weight, binarizer = latent(2).requires_grad_(True), CBCN(SHAPE)
    g = torch.randn(SHAPE, dtype=torch.float64)
    (binarizer(weight).signs * g).sum().backward()
    turned_back = sum(torch.rot90(g.unflatten(0, (2, 4))[:, j], -j, (2, 3)) for j in range(4))
    torch.testing.assert_close(weight.grad, turned_back * straight(weight.detach()))


def test_cbcn_scales_all_turns_of_a_filter_alike():
    weight = latent(2).requires_grad_(True)
    scale = CBCN(SHAPE)(weight).scale.flatten()
    assert not scale.requires_grad  # a constant for the gradient
    torch.testing.assert_close(scale, weight.abs().mean(dim=(1, 2, 3)).repeat_interleave(4))


@pytest.mark.parametrize("kind", [MCN, CBCN])
def test_a_layer_that_cannot_be_divided_is_refused(kind):
    with pytest.raises(InputError, match=f"{kind.__name__} makes 4 filters .* 6 channels"):
        kind(torch.Size((6, 4, 3, 3)))


def test_a_real_kernel_of_the_first_step_repeats_the_latent_filters():
    conv = BinaryConv2d(4, 8, 3, weight_binarizer=MCN, activation_binarizer=ApproxSign())
    conv.binary_weights = False
    x = torch.randn(1, 4, 5, 5)
    expected = F.conv2d(torch.where(x >= 0, 1.0, -1.0), conv.weight.repeat_interleave(4, dim=0))
    torch.testing.assert_close(conv(x), expected)
