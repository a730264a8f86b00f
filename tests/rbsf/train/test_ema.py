"""The running average: its closed form, what is kept, and that it resumes."""

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from rbsf.binarize import RBCN, ApproxSign
from rbsf.data import Pair
from rbsf.files.checkpoint import load_checkpoint
from rbsf.nn import BinaryConv2d
from rbsf.train.distributed import World
from rbsf.train.ema import kept_network, networks
from rbsf.train.loop import Loop
from rbsf.train.settings import RunSettings

CPU = torch.device("cpu")
STEPS = 3


class Pairs(Dataset):
    """Six pairs of an epoch, whose search is as bright as their number."""

    remarks = ()
    digest = ""

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 2 * STEPS

    def __getitem__(self, index):
        value = torch.tensor(10 * self.epoch + index, dtype=torch.uint8)
        return Pair(value.expand(3, 127, 127), value.expand(3, 135, 135), torch.zeros(2))


class Net(nn.Module):
    """A weight and a batch norm, called as a SiamFC is."""

    def __init__(self):
        super().__init__()
        self.weight, self.norm = nn.Parameter(torch.zeros(1)), nn.BatchNorm2d(3, affine=False)

    def forward(self, exemplars, searches):
        return self.norm(searches)


class Count:
    """A task whose weight is the number of steps made."""

    kind = "teacher"

    def __init__(self, stop_after=None):
        self.model, self.modules, self.optimisers = Net(), {}, {}
        self.stop_after, self.loop = stop_after, None

    def start_epoch(self, epoch):
        self.model.train()

    def step(self, batch):
        with torch.no_grad():
            self.model.weight += 1
        if self.model.weight == self.stop_after:
            self.loop.stopping = True
        return {"response": 1.0}

    def end_epoch(self, batches, steps):
        pass

    def metrics(self):
        return {}


def run(folder, task=None, resume=False, validate=None, **changes):
    settings = RunSettings(
        **{"epochs": 2, "batch": 2, "workers": 0, "validate_epochs": 1, **changes}
    )
    task = task or Count()
    loop = Loop(task, settings, Pairs(), folder, World(0, 1, CPU), validate)
    task.loop = loop
    if resume:
        loop.resume()
    loop.run()
    return task


def weight(folder, name):
    return load_checkpoint(folder / f"{name}.safetensors").part("model")["weight"].item()


def average(steps, decay=0.5):
    """Of the weights 1, 2, ... it begins with the first, and then takes a half of each."""
    value = 1.0
    for made in range(2, steps + 1):
        value = decay * value + (1 - decay) * made
    return value


def test_the_average_is_kept_and_measured_and_the_weights_go_on(tmp_path):
    measured = []
    validate = lambda m, *_: measured.append(m.weight.item()) or {"ao": 1}  # noqa: E731
    task = run(tmp_path, ema=0.5, validate=validate)
    assert measured == pytest.approx([average(3), average(6)])
    assert weight(tmp_path, "final") == pytest.approx(average(6))
    assert weight(tmp_path, "best") == pytest.approx(average(3))
    assert weight(tmp_path, "last") == 6
    assert kept_network(task) is networks(task)[1]


def test_a_run_that_is_resumed_has_the_same_average(tmp_path):
    whole = run(tmp_path / "whole", ema=0.9)
    run(tmp_path / "cut", Count(stop_after=4), ema=0.9)
    assert weight(tmp_path / "cut", "last") == 4
    resumed = run(tmp_path / "cut", resume=True, ema=0.9)
    assert kept_network(resumed).weight.item() == kept_network(whole).weight.item()


def test_without_a_decay_the_weights_themselves_are_kept(tmp_path):
    task = run(tmp_path)
    assert networks(task) == [task.model] and task.modules == {}
    assert weight(tmp_path, "final") == 6


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_norms_are_estimated_anew_over_the_last_share_of_the_epoch(tmp_path, ema):
    """The last third of the second epoch has brightness 14 and 15."""
    task = run(tmp_path, norm_estimate=1 / 3, ema=ema)
    kept = kept_network(task).norm
    assert kept.running_mean.tolist() == pytest.approx([14.5] * 3)
    assert kept.running_var.tolist() == pytest.approx([0.25] * 3, rel=1e-3)
    if ema:
        assert task.model.norm.running_mean.tolist() == [0] * 3


def test_a_network_whose_weights_are_still_real_is_not_measured(tmp_path):
    task, measured = Count(), []
    task.model.conv = BinaryConv2d(
        1, 1, 1, weight_binarizer=RBCN, activation_binarizer=ApproxSign()
    )
    task.model.conv.binary_weights = False
    task.end_epoch = lambda batches, steps: setattr(
        task.model.conv, "binary_weights", task.model.weight.item() > STEPS
    )
    run(tmp_path, task, validate=lambda m, *_: measured.append(m.weight.item()) or {"ao": 1})
    assert measured == [6]
