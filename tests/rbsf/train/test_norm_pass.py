"""The BN pass of line 17: what it changes, and what the statistics become."""

import pytest
import torch
from batches import CPU, batch
from torch import nn

from rbsf.losses import response_loss
from rbsf.nn import SiamFC, make_student
from rbsf.train.norm_pass import norm_pass

BATCHES = [batch(seed) for seed in range(2)]


def copies(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("training", [True, False])
def test_nothing_but_batch_norm_changes(training):
    model = make_student().train(training)
    before = copies(model)
    norm_pass(model, lambda: iter(BATCHES), 0.01, CPU)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]) == ("norms" not in name), name
    assert all(norm.training == training for norm in model.backbone.norms.values())
    assert all(norm.momentum == 0.05 for norm in model.backbone.norms.values())
    assert all(p.requires_grad for p in model.parameters())
    held = [p for name, p in model.named_parameters() if "norms" not in name]
    assert all(p.grad is None for p in held)


def test_gamma_and_beta_go_down_the_task_loss():
    """With one batch it is one plain step, gamma - lr dL/dgamma, on batch statistics."""
    model = make_student().train()
    norm = model.backbone.norms["conv3"]
    output = model(BATCHES[0].exemplars, BATCHES[0].searches)
    loss = response_loss(output.responses, BATCHES[0].labels)
    gamma, beta = torch.autograd.grad(loss, [norm.weight, norm.bias])
    expected = norm.weight.detach() - 0.1 * gamma, norm.bias.detach() - 0.1 * beta
    norm_pass(model, lambda: iter(BATCHES[:1]), 0.1, CPU)
    torch.testing.assert_close(norm.weight.detach(), expected[0])
    torch.testing.assert_close(norm.bias.detach(), expected[1])


def test_statistics_are_the_plain_average_over_batches_and_branches():
    model = make_student().train()
    conv1 = model.backbone.conv1
    norm_pass(model, lambda: iter(BATCHES), 0.0, CPU)
    means, variances = [], []
    with torch.no_grad():
        for b in BATCHES:
            for pixels in (b.exemplars, b.searches):
                x = nn.functional.max_pool2d(conv1(pixels), 3, 2)
                means.append(x.mean(dim=(0, 2, 3)))
                variances.append(x.var(dim=(0, 2, 3)))
    norm = model.backbone.norms["conv1"]
    close = {"rtol": 1e-4, "atol": 1e-3}
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(dim=0), **close)
    torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(dim=0), **close)


def test_frozen_parameters_stay_frozen():
    model = SiamFC().train()
    model.backbone.conv1[0].weight.requires_grad_(False)
    norm_pass(model, lambda: iter(BATCHES[:1]), 0.01, CPU)
    assert not model.backbone.conv1[0].weight.requires_grad
