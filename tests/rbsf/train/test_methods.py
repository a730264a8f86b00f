"""Every method's config trains a SiamFC: its losses are finite, W moves, and it can go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from batches import CPU, batch

from rbsf.config import CONFIGS, load_settings
from rbsf.nn import LAYERS, BinaryAlexNetV1, SiamFC, backbone
from rbsf.train import student as module
from rbsf.train.loop import Loop
from rbsf.train.settings import StudentSettings
from rbsf.train.student import StudentTask

METHODS = sorted(CONFIGS.glob("*_sf.yaml"))


NARROW = tuple(
    layer._replace(inputs=max(3, layer.inputs // 8), outputs=layer.outputs // 8) for layer in LAYERS
)
"""AlexNetV1's layers with an eighth of the channels."""


@pytest.fixture(autouse=True)
def narrow_networks(monkeypatch):
    """Makes student and teacher narrow, and replaces the teacher's file by random weights."""
    monkeypatch.setattr(backbone, "LAYERS", NARROW)
    monkeypatch.setattr(module, "LAYERS", NARROW)
    monkeypatch.setattr(
        module,
        "make_student",
        lambda *names: SiamFC(BinaryAlexNetV1(*names, layers=NARROW), learn_response=True),
    )
    torch.manual_seed(5)
    model = SiamFC().eval().requires_grad_(False)
    monkeypatch.setattr(module, "load_teacher", lambda settings: model)


def task(file: Path, **changes) -> StudentTask:
    settings = load_settings(StudentSettings, file)
    usual = {"precision": "fp32", "epochs": 2}
    return StudentTask(settings.model_copy(update=usual | changes), CPU)


class Pairs:
    """A data set of so many pairs, of which a loop asks nothing but their number."""

    digest = "none"

    def __len__(self) -> int:
        return 64


def loop(made: StudentTask, folder: Path) -> Loop:
    return Loop(made, made.settings, Pairs(), folder, CPU)


@pytest.mark.parametrize("file", METHODS, ids=lambda file: file.stem)
def test_a_method_trains_and_goes_on_to_the_bit(file, tmp_path):
    """Two steps in two epochs, with and without a stop between them."""
    made = task(file)
    before = {name: conv.weight.detach().clone() for name, conv in made.layers.items()}
    made.start_epoch(0)
    first = made.step(batch())
    run = loop(made, tmp_path)
    run.batch = 1
    run.save("last")
    made.start_epoch(1)
    second = made.step(batch(1))
    assert all(torch.tensor(list(losses.values())).isfinite().all() for losses in (first, second))
    assert all(not torch.equal(conv.weight, before[name]) for name, conv in made.layers.items())

    other = task(file, seed=made.settings.seed)
    again = loop(other, tmp_path)
    again.resume()
    other.start_epoch(1)
    assert other.step(batch(1)) == second
    ours, theirs = made.model.state_dict(), other.model.state_dict()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
