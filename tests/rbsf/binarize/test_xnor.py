"""XNOR-Net's map K, and XNOR-Net++'s learned scales."""

import pytest
import torch
from torch.nn import functional as F

from rbsf.binarize import ApproxSign, XNORPlusPlus, XNORWithMap
from rbsf.nn import BinaryConv2d


def with_map(**options):
    torch.manual_seed(0)
    return BinaryConv2d(
        4, 6, 3, weight_binarizer=XNORWithMap, activation_binarizer=ApproxSign(), bias=False,
        **options,
    ).double()  # fmt: skip


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 1, "pad_value": 1.0}, {"padding": 1, "pad_value": 0}]
)
def test_k_is_the_papers_box_filter_of_the_mean_magnitude(options):
    """K = A * k, A = the mean over channels of |I|, k = 1 / (w h) everywhere (section 3.2)."""
    conv, x = with_map(**options), torch.randn(2, 4, 9, 9, dtype=torch.float64)
    out = conv(x)
    stride, padding = options.get("stride", 1), options.get("padding", 0)
    a = F.pad(x.abs().mean(dim=1, keepdim=True), (padding,) * 4)
    k = F.avg_pool2d(a, 3, stride)
    signs, alpha = conv.weight_binarizer(conv.weight)
    bits = F.pad(torch.where(x >= 0, 1.0, -1.0).double(), (padding,) * 4,
                 value=options.get("pad_value", 0))  # fmt: skip
    expected = F.conv2d(bits, signs, stride=stride) * k * alpha.reshape(1, -1, 1, 1)
    torch.testing.assert_close(out, expected)


def test_each_group_has_a_k_of_its_own_channels():
    conv, x = with_map(groups=2), torch.randn(1, 4, 5, 5, dtype=torch.float64)
    before = conv(x)
    x[:, 2:] *= 3  # the signs stay, and the K of the second group is three times as large
    torch.testing.assert_close(conv(x)[:, :3], before[:, :3])
    torch.testing.assert_close(conv(x)[:, 3:], 3 * before[:, 3:])


def test_k_times_alpha_is_near_the_best_scale_of_the_product():
    """Section 3.2: for random X and W, beta alpha is about the least-squares scale of signs."""
    torch.manual_seed(0)
    x, w = torch.randn(1, 64, 1, 1), torch.randn(1, 64, 1, 1)
    signs, alpha = XNORWithMap(w.shape)(w)
    w = (w - w.mean(dim=1, keepdim=True)).clamp(-1, 1)
    products, bits = (x * w).flatten(), (x.sign() * signs).flatten()
    best = (products * bits).sum() / len(bits)
    assert best.item() == pytest.approx((x.abs().mean() * alpha).item(), rel=0.1)


def test_gamma_is_learned_from_the_mean_magnitude_on():
    shape = torch.Size((6, 4, 3, 3))
    torch.manual_seed(0)
    w, binarizer = torch.randn(shape), XNORPlusPlus(shape)
    binarizer.fit(w)
    torch.testing.assert_close(binarizer.gamma.flatten(), w.abs().mean(dim=(1, 2, 3)))
    x, g = torch.randn(2, 4, 5, 5).sign(), torch.randn(2, 6, 3, 3)
    signs, gamma = binarizer(w)
    sums = F.conv2d(x, signs)
    (sums * gamma.reshape(1, -1, 1, 1) * g).sum().backward()
    torch.testing.assert_close(binarizer.gamma.grad.flatten(), (sums * g).sum(dim=(0, 2, 3)))
    binarizer.gamma.data.fill_(-1)
    binarizer.project(w)
    assert (binarizer.gamma > 0).all()


def test_xnor_plus_plus_has_the_straight_gradient():
    w = 2 * torch.randn(6, 4, 3, 3)
    w.requires_grad_(True)
    XNORPlusPlus(w.shape)(w).signs.sum().backward()
    assert torch.equal(w.grad, (w.abs() <= 1).float())
