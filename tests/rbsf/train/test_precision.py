"""A training forward in bfloat16 decides the same signs as inference in float32."""

from __future__ import annotations

import pytest
import torch
from batches import CPU, batch

from rbsf.nn import SiamFC, make_student
from rbsf.train import student as module
from rbsf.train.optim import autocast
from rbsf.train.settings import StudentSettings
from rbsf.train.student import StudentTask


def signs(model, pixels, precision):
    with torch.no_grad(), autocast(precision, torch.device("cpu")):
        maps = model.backbone.maps(pixels)
    return [m >= 0 for m in maps[:-1]]


@pytest.mark.parametrize(
    ("weights", "activations"), [("rbcn", "approx"), ("xnor", "clipped"), ("bireal", "approx")]
)
def test_no_sign_changes_under_autocast(weights, activations):
    """The batch norms have real statistics and slopes of both signs, as a trained network has."""
    torch.manual_seed(0)
    model = make_student(weights, activations)
    for norm in model.backbone.norms.values():
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias, std=0.5)
        norm.momentum = 0.5
    pixels = batch().searches
    model.train()
    for _ in range(3):
        model.backbone.maps(pixels)
    model.eval()
    exact, rounded = (signs(model, pixels, precision) for precision in ("fp32", "bf16"))
    shares = [(a != b).float().mean().item() for a, b in zip(exact, rounded, strict=True)]
    assert shares[0] == 0
    assert max(shares) < 1e-4


def test_the_rest_of_the_network_does_run_in_bfloat16(monkeypatch):
    """Else the test above would say nothing."""
    kinds = []
    plain = torch.nn.functional.conv2d

    def conv2d(x, *args, **options):
        out = plain(x, *args, **options)
        kinds.append(out.dtype)
        return out

    monkeypatch.setattr("rbsf.nn.binary_conv.F.conv2d", conv2d)
    signs(make_student(), batch().searches, "bf16")
    assert torch.bfloat16 in kinds


def test_a_step_in_bfloat16_trains_w_in_float32(monkeypatch):
    torch.manual_seed(5)
    teacher = SiamFC().eval().requires_grad_(False)
    monkeypatch.setattr(module, "load_teacher", lambda settings: teacher)
    made = StudentTask(StudentSettings(precision="bf16", init="teacher"), CPU)
    made.start_epoch(0)
    losses = made.step(batch())
    assert all(value == value for value in losses.values())
    assert {p.grad.dtype for p in made.model.parameters()} == {torch.float32}
