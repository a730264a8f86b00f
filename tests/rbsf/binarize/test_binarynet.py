"""BinaryNet: signs, the straight gradient, and the clip."""

import torch

from rbsf.binarize import BinaryNet

SHAPE = torch.Size((6, 4, 3, 3))


def test_signs_without_a_scale_that_is_learned():
    w = torch.randn(SHAPE).requires_grad_(True)
    signs, scale = BinaryNet(SHAPE)(w)
    assert torch.equal(signs, torch.where(w >= 0, 1.0, -1.0))
    assert scale.item() == torch.tensor(1 / 6.0).item()  # 36 terms
    signs.sum().backward()
    assert torch.equal(w.grad, (w.abs() <= 1).float())


def test_the_scale_gives_random_sums_a_variance_of_one():
    torch.manual_seed(0)
    shape = torch.Size((200, 64, 3, 3))
    signs, scale = BinaryNet(shape)(torch.randn(shape))
    inputs = torch.randn(500, 64 * 9).sign()
    assert abs((scale * inputs @ signs.flatten(1).T).var().item() - 1) < 0.02


def test_weights_are_clipped_after_a_step():
    w = torch.tensor([-3.0, -0.5, 0.5, 3.0]).reshape(1, 4, 1, 1)
    BinaryNet(w.shape).project(w)
    assert w.flatten().tolist() == [-1, -0.5, 0.5, 1]
