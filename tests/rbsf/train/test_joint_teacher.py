"""Apprentice's scheme A: the teacher learns by its own loss, and is a constant for its student."""

import pytest
import torch
from batches import CPU, batch

from rbsf.config import parse_settings
from rbsf.errors import InputError
from rbsf.losses import response_distillation, response_loss
from rbsf.train.settings import StudentSettings
from rbsf.train.student import StudentTask


def task(**changes):
    settings = StudentSettings(
        weights="bireal", adversarial_loss={"value": 0}, kernel_loss={"value": 0},
        teacher_loss=2.0, precision="fp32", epochs=4,
        optimiser={"name": "sgd", "lr": 1e-3, "momentum": 0, "weight_decay": 0}, **changes,
    )  # fmt: skip
    made = StudentTask(settings, CPU)
    made.start_epoch(0)
    return made


def test_the_teacher_steps_down_alpha_times_its_own_loss():
    made, b = task(response_distillation=0.7), batch()
    teacher = made.modules["teacher"]
    before = {name: p.detach().clone() for name, p in teacher.named_parameters()}
    output = b.run(teacher)
    gradients = torch.autograd.grad(
        2 * response_loss(output.responses, b.labels), list(teacher.parameters())
    )
    student = b.run(made.model).responses
    losses = made.step(b)
    assert losses["teacher"] == pytest.approx(2 * b.loss(output).item(), rel=1e-4)
    divergence = response_distillation(student, output.responses, b.labels)
    assert losses["distil_response"] == pytest.approx(0.7 * divergence.item(), rel=1e-4)
    for (name, p), gradient in zip(teacher.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(p.detach(), before[name] - 1e-3 * gradient, msg=name)


def test_the_rates_of_both_fall_together():
    made = task()
    made.start_epoch(2)
    rates = [o.param_groups[0]["lr"] for o in made.optimisers.values()]
    assert rates == [pytest.approx(1e-4)] * 2  # half of the way from 1e-3 to 1e-5, in logarithms


def test_a_run_needs_no_file_of_a_teacher():
    assert task().settings.input_files() == {}
    with pytest.raises(InputError, match="so init must be random"):
        parse_settings(StudentSettings, {"teacher_loss": 1.0, "init": "teacher"}, "x.yaml")
