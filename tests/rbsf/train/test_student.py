"""Algorithm 1: which parameters move in which step, at which rate, and in which direction."""

import math

import pytest
import torch
from batches import CPU, batch

from rbsf.losses import discriminator_loss, response_loss
from rbsf.nn import SiamFC
from rbsf.train import student as module
from rbsf.train.settings import StudentSettings
from rbsf.train.student import StudentTask

SGD = {"name": "sgd", "lr": 1e-2, "momentum": 0.0, "weight_decay": 0.0}


@pytest.fixture(autouse=True)
def teacher(monkeypatch):
    """Replaces the teacher's file by a teacher with random weights."""
    torch.manual_seed(5)
    model = SiamFC().eval().requires_grad_(False)
    monkeypatch.setattr(module, "load_teacher", lambda settings: model)
    return model


def task(**changes):
    settings = StudentSettings(
        **{"epochs": 10, "optimiser": SGD, "latent_weight_decay": 0, "precision": "fp32", **changes}
    )
    made = StudentTask(settings, CPU)
    made.start_epoch(0)
    return made


def parameters(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def changed(module, before):
    return {name for name, p in module.named_parameters() if not torch.equal(p, before[name])}


def forward(made, b):
    student = made.model(b.exemplars, b.searches)
    teacher = made.teacher(b.exemplars, b.searches)
    return student, teacher, list(made.branches(teacher, student))


def test_a_step_moves_student_and_discriminators_and_never_the_teacher():
    made, b = task(), batch()
    teacher = {name: t.clone() for name, t in made.teacher.state_dict().items()}
    student, critics = parameters(made.model), parameters(made.adversary.discriminators)
    losses = made.step(b)
    assert losses.keys() == {"response", "kernel", "adversarial", "discriminator"}
    assert changed(made.model, student) == student.keys()
    assert changed(made.adversary.discriminators, critics) == critics.keys()
    assert all(torch.equal(t, teacher[name]) for name, t in made.teacher.state_dict().items())
    assert not made.teacher.training


def test_the_discriminators_step_leaves_the_student_and_its_gradients_alone():
    made, b = task(), batch()
    before = parameters(made.model)
    *_, branches = forward(made, b)
    made.adversary.step(branches)
    assert not changed(made.model, before)
    assert all(p.grad is None for p in made.model.parameters())


def test_the_students_step_leaves_the_discriminators_and_their_gradients_alone():
    made, b = task(), batch()
    before = parameters(made.adversary.discriminators)
    student, teacher, branches = forward(made, b)
    loss = made._guidance(b, student, teacher, branches)["adversarial"]
    made._descend(loss)
    assert not changed(made.adversary.discriminators, before)
    assert all(p.grad is None for p in made.adversary.discriminators.parameters())
    convs = made.backbone.binary_layers()
    assert all(convs[name].weight.grad.abs().sum() > 0 for name in ("conv2", "conv3", "conv4"))


def test_discriminators_climb_line_11_on_a_fixed_batch():
    """log D(R) + log(1 - D(T)) goes up, and in the end D can tell teacher from student."""
    made, b = task(discriminator_lr=1e-3), batch()
    *_, branches = forward(made, b)
    judge = made.adversary.discriminators

    def value():
        with torch.no_grad():
            return -sum(
                discriminator_loss(on_real, on_fake).item()
                for real, fake in branches
                for on_real, on_fake in zip(judge(real), judge(fake), strict=True)
            )

    values = [value()]
    for _ in range(3):
        for _ in range(5):
            made.adversary.step(branches)
        values.append(value())
    assert values == sorted(values)
    with torch.no_grad():
        for real, fake in branches:
            for on_real, on_fake in zip(judge(real), judge(fake), strict=True):
                assert on_real.mean() > on_fake.mean()
    made.adversary.start_epoch()
    made.adversary.step(branches)
    assert min(made.adversary.accuracy().values()) > 0.6


def test_adversarial_weight_is_lambda_2_and_falls_with_it():
    made, b = task(adversarial_loss={"value": 0.02, "gamma": 0.5, "every": 2}), batch()
    student, teacher, branches = forward(made, b)

    def weighted(epoch):
        made.start_epoch(epoch)
        return made._guidance(b, student, teacher, branches)["adversarial"].item()

    with torch.no_grad():
        plain = [
            0.5 * (1 - logits.sigmoid()).square().mean().item()
            for _, fake in branches
            for logits in made.adversary.discriminators(fake)
        ]
    assert weighted(0) == pytest.approx(0.02 * sum(plain) / 2, rel=1e-4)
    assert weighted(2) == pytest.approx(weighted(1) / 2)


def test_kernel_loss_is_half_lambda_1_times_equation_3():
    made = task(kernel_loss={"value": 0.03})
    expected = 0.0
    for conv in made.backbone.binary_layers().values():
        w, c = conv.weight.detach(), conv.weight_binarizer.c.detach()
        expected += (w - c * torch.where(w >= 0, 1.0, -1.0)).square().sum().item()
    assert made._kernel_loss()["kernel"].item() == pytest.approx(0.03 / 2 * expected, rel=1e-4)
    assert task(kernel_loss={"value": 0})._kernel_loss() == {}


@pytest.mark.parametrize("other", [0.0, 0.25])
def test_w_moves_at_eta_1_and_c_at_eta_2_each_with_its_decay(other):
    made = task(
        other_weight_decay=other,
        c_rate=0.25,
        kernel_loss={"value": 0},
        adversarial_loss={"value": 0},
        latent_weight_decay=0.5,
        optimiser={**SGD, "weight_decay": 0.5},
    )
    made.start_epoch(3)
    eta = made.settings.optimiser.lr_at(3, 10)
    before = parameters(made.model)
    made.step(batch())
    decays = {"conv1.weight": 0.5, **{f"{n}.weight": 0.5 for n in made.backbone.binary_layers()}}
    for name, p in made.model.named_parameters():
        short = name.removeprefix("backbone.")
        rate = 0.25 * eta if name.endswith("weight_binarizer.c") else eta
        gradient = p.grad + decays.get(short, other) * before[name]
        expected = before[name] - rate * gradient
        if name.endswith("weight_binarizer.c"):
            expected = expected.clamp(min=1e-6)
        torch.testing.assert_close(p.detach(), expected, rtol=1e-5, atol=1e-7, msg=name)


def test_c_stays_positive_whatever_the_step():
    made = task(c_rate=1e6)
    made.step(batch())
    made.step(batch(1))
    for conv in made.backbone.binary_layers().values():
        assert conv.weight_binarizer.c.min() > 0


def test_a_loss_that_is_not_finite_changes_nothing():
    made = task()
    before = parameters(made.model)
    made.model.bias.data.fill_(float("nan"))
    assert math.isnan(made.step(batch())["response"])
    assert changed(made.model, before) == {"bias"}


def test_steps_go_down_the_task_loss():
    made, b = (
        task(
            init="teacher",
            optimiser={"name": "adam", "lr": 1e-3, "weight_decay": 0},
            adversarial_loss={"value": 0},
            kernel_loss={"value": 0},
        ),
        batch(),
    )
    losses = [made.step(b)["response"] for _ in range(8)]
    assert losses[-1] < losses[0]


def test_distillation_reaches_the_student():
    made = task(response_distillation=1, feature_distillation=1, adversarial_loss={"value": 0})
    assert made.modules == {}
    losses = made.step(batch())
    assert losses.keys() == {"response", "kernel", "distil_response", "distil_feature"}
    assert 0 < losses["distil_feature"] <= 2.5


def test_maps_may_be_compared_after_relu_and_sign():
    before, after = task(), task(compared_maps="after")
    student, teacher, _ = forward(before, batch())
    real, fake = after._activated(teacher.search_maps, student.search_maps)
    for r, t, whole, latent in zip(
        real[:-1], fake[:-1], teacher.search_maps, student.search_maps, strict=False
    ):
        assert torch.equal(r, whole.clamp(min=0))
        assert torch.equal(t, torch.where(latent >= 0, 1.0, -1.0))
    assert real[-1] is teacher.search_maps[-1] and fake[-1] is student.search_maps[-1]
    weights = parameters(after.model)
    after.step(batch())
    assert changed(after.model, weights) == weights.keys()


def test_norms_freeze_at_their_share_of_the_epochs():
    made = task(freeze_norms_from=0.5)
    for epoch, training in ((4, True), (5, False), (9, False)):
        made.start_epoch(epoch)
        assert all(norm.training == training for norm in made.backbone.norms.values())


def test_the_norm_pass_sees_its_share_of_the_epoch():
    made, seen = task(norm_pass=0.25), []

    def batches(first):
        seen.append(first)
        return iter([batch()])

    made.end_epoch(batches, 8)
    assert seen == [6, 6]
    task(norm_pass=0).end_epoch(batches, 8)
    assert seen == [6, 6]


def test_a_random_start_is_the_seeds():
    first, same, other = task(seed=1), task(seed=1), task(seed=2)
    w = [made.backbone.conv3.weight for made in (first, same, other)]
    assert torch.equal(w[0], w[1]) and not torch.equal(w[0], w[2])


def test_xnor_needs_no_teacher(monkeypatch):
    monkeypatch.setattr(module, "load_teacher", lambda settings: pytest.fail("read a teacher"))
    made = task(weights="xnor", activations="clipped", kernel_loss={"value": 0},
                adversarial_loss={"value": 0}, discriminator_layers=[])  # fmt: skip
    assert made.step(batch()).keys() == {"response"}
    assert not any("c_star" in name for name in made.metrics())


def test_response_is_the_balanced_loss_of_the_students_response():
    made, b = task(), batch()
    with torch.no_grad():
        expected = response_loss(made.model(b.exemplars, b.searches).responses, b.labels).item()
    assert made.step(b)["response"] == pytest.approx(expected, rel=1e-5)


def test_the_epochs_first_batch_tells_how_each_loss_pulls_at_w():
    """The norm of the whole gradient is at most the sum of the terms', and is that of `.grad`."""
    made = task(response_distillation=1, feature_distillation=1)
    convs = made.backbone.binary_layers()
    losses = made.step(batch())
    first = made.metrics()
    terms = losses.keys() - {"discriminator"}
    for name, conv in convs.items():
        norms = [first[f"grad/{term}/{name}"] for term in terms]
        assert max(norms) * 0.1 < conv.weight.grad.norm().item() <= sum(norms) * (1 + 1e-5)
    for term in terms:
        squares = sum(first[f"grad/{term}/{name}"] ** 2 for name in convs)
        assert first[f"grad/{term}"] == pytest.approx(math.sqrt(squares))
    made.step(batch(1))
    assert made.metrics()["grad/response"] == first["grad/response"]
    made.start_epoch(1)
    made.step(batch(1))
    assert made.metrics()["grad/response"] != first["grad/response"]


def test_the_distance_of_the_maps_is_measured_though_it_is_not_trained():
    measured, trained = task(), task(feature_distillation=1)
    losses = trained.step(batch())
    measured.step(batch())
    assert measured.metrics()["map_distance"] == pytest.approx(losses["distil_feature"], rel=1e-4)


def test_the_papers_sum_pulls_as_often_as_there_are_verdicts():
    """With one verdict on a map, sum and mean agree; with V of them the sum is V times as much."""
    pulls = {}
    for entry in ("average", "filters"):
        for reduction in ("mean", "sum"):
            made = task(discriminator_entry=entry, adversarial_reduction=reduction,
                        discriminator_layers=["conv2"])  # fmt: skip
            made.step(batch())
            pulls[entry, reduction] = made.metrics()["grad/adversarial"]
    assert pulls["average", "sum"] == pytest.approx(pulls["average", "mean"], rel=1e-4)
    assert pulls["filters", "sum"] == pytest.approx(256 * pulls["filters", "mean"], rel=1e-3)


def test_metrics_include_c_star_gain_and_flips():
    made = task(optimiser={"name": "adam", "lr": 1e-2, "weight_decay": 0})
    before = made._signs()
    made.step(batch())
    metrics = made.metrics()
    for name, conv in made.backbone.binary_layers().items():
        assert metrics[f"c_star/{name}"] == pytest.approx(conv.weight_binarizer.c.mean().item())
    assert metrics["gain"] == pytest.approx(made.model.gain.item())
    flipped = (made._signs() != before).float().mean().item()
    assert metrics["flip_ratio"] == pytest.approx(flipped) and flipped > 0
