"""The norms of the gradients of a loss's terms, against closed forms."""

import pytest
import torch
from torch import nn

from rbsf.train.gradients import gradient_norms


def test_norms_are_those_of_each_terms_own_gradient_and_nothing_is_left_behind():
    w, other = nn.Parameter(torch.tensor([1.0, 2.0])), nn.Parameter(torch.tensor([3.0]))
    losses = {"linear": (torch.tensor([3.0, 4.0]) * w).sum(), "square": 0.5 * w.square().sum()}
    norms = gradient_norms(losses, {"w": w, "other": other})
    assert norms["linear"] == {"w": pytest.approx(5.0), "other": 0.0}
    assert norms["square"] == {"w": pytest.approx(5**0.5), "other": 0.0}
    assert w.grad is None
    sum(losses.values()).backward()
    assert w.grad.tolist() == [4.0, 6.0]
