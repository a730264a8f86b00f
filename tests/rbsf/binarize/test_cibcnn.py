"""CI-BCNN: how channels correct each other's sums, and how the graph is found."""

import pytest
import torch
from torch.nn import functional as F

from rbsf.binarize import CIBCNN, ApproxSign
from rbsf.nn import BinaryConv2d

SHAPE = torch.Size((3, 4, 2, 2))  # 16 terms: f steps by 4 at sums of 8 and -8


def linked(parent, state):
    binarizer = CIBCNN(SHAPE).eval()
    binarizer.parent.copy_(torch.tensor(parent))
    binarizer.state.copy_(torch.tensor(state))
    return binarizer


def after(binarizer, sums):
    return binarizer.after(sums, torch.zeros(1, 4, 2, 5), 1, 0, 1)


def test_a_channel_is_corrected_by_a_step_function_of_its_parent():
    sums = torch.tensor([[-9.0, -8, 0, 8, 9], [1, 1, 1, 1, 1], [2, 2, 2, 2, 2]]).reshape(1, 3, 1, 5)
    found = after(linked([0, 0, 0], [0.0, 1.0, -1.0]), sums)[0, :, 0]
    assert found.tolist() == [[-9, -8, 0, 8, 9], [-3, -3, 1, 5, 5], [6, 6, 2, -2, -2]]


def test_no_gradient_goes_through_an_influence():
    sums = torch.full((1, 3, 1, 1), 9.0, requires_grad=True)
    found = after(linked([0, 0, 0], [0.0, 1.0, -1.0]), sums)
    (found.flatten() * torch.tensor([1.0, 2, 3])).sum().backward()
    assert sums.grad.flatten().tolist() == [1, 2, 3]


def test_the_graph_that_restores_most_signs_is_found():
    """The real map of channel 1 turns where channel 0 is strong; that of channel 2 never does."""
    torch.manual_seed(0)
    sums = 2 * torch.randint(-2, 3, (1, 3, 8, 8)).float()
    sums[:, 0] = 16 * torch.randn(8, 8).sign()
    sums[:, 1] = sums[:, 1].sign() * 2
    real = sums.clone()
    real[:, 1] = -sums[:, 0]
    binarizer = CIBCNN(SHAPE)
    binarizer.mine(sums, real)
    assert binarizer.parent[1] == 0 and binarizer.state.tolist() == [0, -1, 0]
    assert torch.equal(binarizer.eval().after(sums, sums, 1, 0, 1)[:, 1] >= 0, real[:, 1] >= 0)


def test_a_graph_is_mined_once_an_epoch_in_training_alone():
    torch.manual_seed(0)
    conv = BinaryConv2d(4, 3, 2, weight_binarizer=CIBCNN, activation_binarizer=ApproxSign())
    binarizer, x = conv.weight_binarizer, torch.randn(2, 4, 6, 6)
    conv.eval()(x)
    assert binarizer.mined == -1
    conv.train()(x)
    assert binarizer.mined == 0
    binarizer.mine = lambda sums, real: pytest.fail("it was mined again")
    conv(x)
    seen = []
    binarizer.mine = lambda sums, real: seen.append(real)
    binarizer.set_progress(0.5)
    conv(x)
    assert len(seen) == 1 and binarizer.mined == 0.5
    torch.testing.assert_close(seen[0], F.conv2d(x, conv.weight))
