"""The balanced loss, hard negatives, and the adversarial losses of eq. 2, 4, 12 and 16."""

import math

import pytest
import torch

from rbsf.labels import balance, response_labels
from rbsf.losses import (
    adversarial_loss,
    batch_negatives,
    discriminator_loss,
    feature_distillation,
    response_distillation,
    response_loss,
    verdict_accuracy,
)


def test_response_loss_of_silence_is_log_2():
    loss = response_loss(torch.zeros(3, 15, 15), response_labels(torch.zeros(3, 2), 15))
    assert loss.item() == pytest.approx(math.log(2), rel=1e-6)


def test_a_soft_label_is_where_its_cells_loss_is_least():
    """The gradient of the loss vanishes at the logit of the label."""
    labels = torch.full((1, 3, 3), 0.2)
    labels[0, 1, 1] = 0.9
    responses = torch.logit(labels).requires_grad_(True)
    response_loss(responses, labels).backward()
    assert responses.grad.abs().max() < 1e-7


def test_only_exemplars_of_other_scenes_are_negatives():
    """Of three pairs, the first two are of one scene. Each search counts its 16 worst cells."""
    responses = torch.full((3, 3, 4, 5), -20.0, requires_grad=True)
    with torch.no_grad():
        responses[0, 1], responses[1, 0] = 9, 9  # the same scene
        responses[0, 0], responses[1, 1], responses[2, 2] = 9, 9, 9  # the pairs themselves
        responses[0, 2, 0, :4] = 1.0
        responses[2, 1, 1] = 2.0
    loss = batch_negatives(responses, torch.tensor([7, 7, 8]))
    worst = [4 * math.log1p(math.e) / 16, 0.0, 5 * math.log1p(math.e**2) / 16]
    assert loss.item() == pytest.approx(sum(worst) / 3, rel=1e-6)
    loss.backward()
    pushed = responses.grad > 1e-6
    assert pushed[0, 2, 0, :4].all() and pushed[2, 1, 1].all() and pushed.sum() == 9


def test_searches_without_another_scene_do_not_count():
    responses = torch.full((3, 3, 4, 4), 0.0)
    assert batch_negatives(responses, torch.tensor([1, 1, 1])) == 0
    assert batch_negatives(responses, torch.tensor([-1, -1, -1])) == 0  # nothing is known of them
    assert batch_negatives(responses, torch.tensor([1, 1, 2])).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("reduction", "factor"), [("mean", 1), ("sum", 3)])
def test_adversarial_loss_is_equation_4(reduction, factor):
    """With lambda2 = 1 it is 1/2 (1 - D(T_i))^2, summed or averaged over i, of an average map."""
    logits = torch.tensor([[0.3, -1.2, 0.5], [2.0, 0.0, -3.0]], dtype=torch.float64)
    d = 1 / (1 + torch.exp(-logits))
    expected = (0.5 * (1 - d) ** 2).mean(dim=1).mean() * factor
    torch.testing.assert_close(adversarial_loss(logits, "rbcn", reduction), expected)


def test_gradient_of_equation_12_and_16():
    """dL/dc = -(1 - D(T)) dD/dc for whatever D depends on: What in eq. 12, C in eq. 16."""
    c = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(5, dtype=torch.float64)

    def logit():
        return (weights * torch.tanh(c * torch.arange(1.0, 6.0, dtype=torch.float64))).sum()

    d = torch.sigmoid(logit())
    (slope,) = torch.autograd.grad(d, c)
    (gradient,) = torch.autograd.grad(adversarial_loss(logit().reshape(1, 1)), c)
    torch.testing.assert_close(gradient, -(1 - d.detach()) * slope)


def test_discriminator_descends_the_negative_of_line_11():
    real, fake = torch.randn(4, 3), torch.randn(4, 5)
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    expected = -(d_real.log().mean() + (1 - d_fake).log().mean())
    torch.testing.assert_close(discriminator_loss(real, fake), expected)


@pytest.mark.parametrize(("gan", "border"), [("rbcn", 0), ("bce", 0), ("lsgan", 0.5)])
def test_a_verdict_is_right_on_its_side_of_the_border(gan, border):
    real = torch.tensor([[0.1, 0.2, 0.3, -0.1]]) + border
    fake = torch.tensor([[0.1, -0.2, 0.3, 0.4]]) + border
    assert verdict_accuracy(real, fake, gan).tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("gan", ["rbcn", "lsgan", "bce"])
def test_each_gan_pulls_fakes_towards_real_and_discriminators_apart(gan):
    fake = torch.zeros(1, 4, requires_grad=True)
    adversarial_loss(fake, gan).backward()
    assert (fake.grad < 0).all()
    real, fake = torch.zeros(1, 4, requires_grad=True), torch.zeros(1, 4, requires_grad=True)
    discriminator_loss(real, fake + 0.5, gan).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()


def test_distillation_vanishes_where_student_equals_teacher():
    labels = response_labels(torch.zeros(2, 2), 15)
    teacher = torch.randn(2, 15, 15)
    assert response_distillation(teacher, teacher, labels).item() == pytest.approx(0, abs=1e-7)
    student = teacher.clone().requires_grad_(True)
    moved = student + 1.0
    response_distillation(moved, teacher, labels).backward()
    expected = (torch.sigmoid(teacher + 1) - torch.sigmoid(teacher)) * balance(labels) / 2
    torch.testing.assert_close(student.grad, expected)
    assert feature_distillation(teacher, teacher) == 0
