"""Two-step binarization: real weights first, then binary ones with a schedule of their own."""

import pytest
import torch
from batches import CPU, batch
from torch.nn import functional as F

from rbsf.binarize import RBCN
from rbsf.nn import BinaryAlexNetV1
from rbsf.nn.binary_conv import has_binary_weights
from rbsf.train import student as module
from rbsf.train.settings import StudentSettings
from rbsf.train.student import StudentTask
from rbsf.train.two_step import TwoSteps

OPTIMISER = {"name": "adam", "lr": 1e-3, "final_lr": 1e-5, "weight_decay": 0}


def task(**changes):
    settings = StudentSettings(
        epochs=10,
        optimiser=OPTIMISER,
        adversarial_loss={"value": 0},
        precision="fp32",
        binary_weights_from=0.4,
        **changes,
    )
    return StudentTask(settings, CPU)


def test_each_step_counts_its_own_epochs():
    steps = TwoSteps(0.4, 10)
    assert [steps.within(e) for e in (0, 3, 4, 9)] == [(0, 4), (3, 4), (0, 6), (5, 6)]
    assert [TwoSteps(0, 10).within(e) for e in (0, 9)] == [(0, 10), (9, 10)]


def test_in_the_first_step_activations_alone_are_binary():
    made = task()
    made.start_epoch(0)
    assert not has_binary_weights(made.model)
    conv, x = made.backbone.conv3, torch.randn(2, 256, 7, 7)
    bits = torch.where(x >= 0, 1.0, -1.0)
    torch.testing.assert_close(conv(x), F.conv2d(bits, conv.weight, conv.bias))
    made.start_epoch(4)
    assert has_binary_weights(made.model)
    signs = torch.where(conv.weight >= 0, 1.0, -1.0)
    scale = conv.weight_binarizer.c_star
    expected = F.conv2d(bits, signs) * scale + conv.bias.reshape(1, -1, 1, 1)
    torch.testing.assert_close(conv(x), expected)


def test_real_weights_learn_by_the_gradient_of_a_plain_convolution():
    made = task(kernel_loss={"value": 0})
    made.start_epoch(0)
    before = made.backbone.conv4.weight.detach().clone()
    made.step(batch())
    assert not torch.equal(made.backbone.conv4.weight, before)
    c = made.backbone.conv4.weight_binarizer.c
    assert c.grad is None  # nothing depends on it


def test_the_rate_begins_again_with_the_second_step():
    made, rates = task(), []
    for epoch in (0, 3, 4, 9):
        made.start_epoch(epoch)
        rates.append(made.optimisers["optimiser"].param_groups[0]["lr"])
    assert rates[0] == rates[2] == 1e-3
    assert rates[1] == pytest.approx(1e-3 * 0.01 ** (3 / 4))
    assert rates[3] == pytest.approx(1e-3 * 0.01 ** (5 / 6))


def test_at_the_end_of_the_first_step_c_is_fitted_to_the_weights():
    made = task(norm_pass=0)
    made.start_epoch(3)
    with torch.no_grad():
        made.backbone.conv2.weight.mul_(3)
    made.end_epoch(lambda first: iter(()), 1)
    binarizer, weight = made.backbone.conv2.weight_binarizer, made.backbone.conv2.weight
    assert isinstance(binarizer, RBCN) and has_binary_weights(made.model)
    torch.testing.assert_close(binarizer.c, weight.detach().abs().mean(dim=(0, 1), keepdim=True))
    made.start_epoch(4)
    binarizer.c.data.fill_(0.5)
    made.end_epoch(lambda first: iter(()), 1)
    assert (binarizer.c == 0.5).all()  # it is learned from then on


def test_binarizers_hear_of_the_progress_of_the_second_step():
    backbone, steps = BinaryAlexNetV1("irnet"), TwoSteps(0.5, 10)
    seen = []
    for epoch in (0, 4, 5, 8):
        steps.start_epoch(backbone, epoch)
        seen.append(backbone.conv2.weight_binarizer.sharpness)
    assert seen == pytest.approx([0.01, 0.01, 0.01, 0.01 * 1000**0.6])


def test_without_two_steps_weights_are_binary_at_once(monkeypatch):
    monkeypatch.setattr(module, "load_teacher", lambda settings: None)
    made = StudentTask(StudentSettings(adversarial_loss={"value": 0}, epochs=4), CPU)
    made.start_epoch(0)
    assert has_binary_weights(made.model)


def test_the_decay_of_the_first_step_is_its_own():
    """AdamBNN decays W while it is real, and not at all when it is binary."""
    made = task(first_step_weight_decay=5e-6, latent_weight_decay=0)
    decays = []
    for epoch in (0, 3, 4, 9):
        made.start_epoch(epoch)
        decays.append(made.optimisers["optimiser"].param_groups[0]["weight_decay"])
    assert decays == [5e-6, 5e-6, 0, 0]
