"""The loop: the order of batches, checkpoints, and what resuming refuses. The task is a toy."""

import json
import math
import os
import signal
import subprocess

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from rbsf.data import Pair
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint
from rbsf.signals import SIGNALS
from rbsf.train.distributed import World
from rbsf.train.loop import Loop, crop_cells
from rbsf.train.settings import RunSettings, StudentSettings

CPU = torch.device("cpu")


class Numbers(Dataset):
    """Pairs whose exemplar shows the epoch and the index. An epoch has 7."""

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 7

    def __getitem__(self, index):
        value = torch.tensor(10 * self.epoch + index, dtype=torch.uint8)
        return Pair(value.expand(3, 127, 127), value.expand(3, 135, 135), torch.zeros(2))


class Toy:
    """A task that adds what it sees to a weight. `at` maps a step to what is done after it."""

    kind = "teacher"

    def __init__(self, at=None):
        self.model, self.modules, self.at = nn.Linear(1, 1, bias=False), {}, at or {}
        self.model.weight.data.zero_()
        self.optimisers = {"optimiser": torch.optim.SGD(self.model.parameters(), 0.5, momentum=0.9)}
        self.seen, self.ends, self.loss = [], [], 1.0

    def start_epoch(self, epoch):
        self.epoch = epoch

    def step(self, batch):
        self.seen.append(batch.exemplars[:, 0, 0, 0].int().tolist())
        self.model.weight.grad = batch.exemplars.mean().reshape(1, 1)
        self.optimisers["optimiser"].step()
        self.at.get(len(self.seen), lambda toy: None)(self)
        return {"response": self.loss}

    def end_epoch(self, batches, steps):
        self.ends.append([b.exemplars[:, 0, 0, 0].int().tolist() for b in batches(steps - 1)])

    def metrics(self):
        return {"lr": 0.5}


def loop(folder, task, world=None, validate=None, inputs=None, kind=RunSettings, **changes):
    settings = kind(**{"epochs": 2, "batch": 2, "workers": 0, **changes})
    return Loop(task, settings, Numbers(), folder, world or World(0, 1, CPU), validate, inputs)


def weight(folder, name):
    return load_checkpoint(folder / f"{name}.safetensors").part("model")["weight"].item()


def test_cells_of_siamfcs_crops():
    assert [crop_cells(torch.zeros(3, s, s)) for s in (127, 239, 255)] == [6, 20, 22]


def test_epochs_batches_and_what_is_left_over(tmp_path):
    task = Toy()
    assert loop(tmp_path, task).run()
    assert task.seen == [[0, 1], [2, 3], [4, 5], [10, 11], [12, 13], [14, 15]]  # drops the rest
    assert task.ends == [[[4, 5]], [[14, 15]]]
    assert {f.name for f in tmp_path.iterdir() if f.suffix == ".safetensors"} == {
        "last.safetensors", "final.safetensors"
    }  # fmt: skip
    assert weight(tmp_path, "final") == task.model.weight.item()


def test_processes_share_each_step_of_an_epoch(tmp_path):
    seen = []
    for rank in range(3):
        one = loop(tmp_path, Toy(), World(rank, 3, CPU), batch=1)
        one.epoch = 1
        seen.append([b.exemplars[:, 0, 0, 0].int().tolist() for b in one.batches()])
    assert seen == [[[10], [13]], [[11], [14]], [[12], [15]]]


def test_only_the_main_process_writes(tmp_path):
    other = loop(tmp_path, Toy(), World(1, 2, CPU), batch=1)
    other.save("last")
    other.log.step(20, {"response": 1.0})
    other.log.epoch(20, "epoch 1", {"ao": 0.5})
    assert list(tmp_path.iterdir()) == []


def test_the_header_describes_the_run(tmp_path):
    loop(tmp_path, Toy(), seed=5).run()
    header = load_checkpoint(tmp_path / "last.safetensors").header
    assert (header["kind"], header["seed"], header["step"], header["epoch"]) == ("teacher", 5, 6, 2)
    assert header["config"]["optimiser"]["lr"] == 0.01
    assert header["metrics"]["lr"] == 0.5
    assert {"time/data_s", "time/compute_s", "time/norm_pass_s"} <= header["metrics"].keys()
    final = load_checkpoint(tmp_path / "final.safetensors")
    assert all(name.startswith("model/") for name in final.tensors)


def interrupt(number):
    return lambda toy: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("step", [1, 2, 3, 4, 6])
def test_a_stop_saves_and_the_rest_is_as_if_it_had_not_been(tmp_path, number, step):
    whole, first, second = Toy(), Toy({step: interrupt(number)}), Toy()
    loop(tmp_path / "whole", whole).run()
    stopped = loop(tmp_path / "run", first)
    assert not stopped.run()
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").header["step"] == step
    going_on = loop(tmp_path / "run", second)
    going_on.resume()
    assert going_on.run()
    assert first.seen + second.seen == whole.seen
    assert weight(tmp_path / "run", "final") == weight(tmp_path / "whole", "final")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stops_nothing(tmp_path):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        assert loop(tmp_path, Toy({2: interrupt(signal.SIGHUP)})).run()
    finally:
        signal.signal(signal.SIGHUP, former)


def test_checkpoints_are_made_within_epochs(tmp_path):
    steps = []

    def look(toy):
        file = tmp_path / "last.safetensors"
        steps.append(load_checkpoint(file).header["step"] if file.exists() else None)

    loop(tmp_path, Toy(dict.fromkeys(range(1, 7), look)), checkpoint_steps=2).run()
    assert steps == [None, None, 2, 3, 3, 5]


def set_loss(value):
    return lambda toy: setattr(toy, "loss", value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path, value):
    with pytest.raises(InputError) as error:
        loop(tmp_path, Toy({5: set_loss(value)}), checkpoint_steps=1).run()
    message = str(error.value)
    assert "\n" not in message and "loss response is not finite" in message
    assert "epoch 2, batch 1 (step 4)" in message and str(tmp_path) in message
    assert load_checkpoint(tmp_path / "last.safetensors").header["step"] == 4
    assert not (tmp_path / "final.safetensors").exists()


def test_a_loss_that_is_not_finite_before_any_checkpoint(tmp_path):
    with pytest.raises(InputError, match="nothing was saved yet"):
        loop(tmp_path, Toy({1: set_loss(math.nan)})).run()


def test_the_best_network_on_the_validation_set_is_kept(tmp_path):
    scores = iter([0.4, 0.6, 0.5])
    task = Toy()
    best = []

    def validate(model, world):
        best.append(model.weight.item())
        return {"ao": next(scores)}

    loop(tmp_path, task, validate=validate, epochs=3).run()
    assert weight(tmp_path, "best") == best[1]
    assert load_checkpoint(tmp_path / "best.safetensors").header["metrics"]["ao"] == 0.6
    assert load_checkpoint(tmp_path / "last.safetensors").header["best_ao"] == 0.6


def test_validation_comes_when_due_and_at_the_end(tmp_path):
    task, epochs = Toy(), []
    loop(
        tmp_path, task, epochs=5, validate_epochs=2,
        validate=lambda model, world: epochs.append(task.epoch) or {"ao": 0.0},
    ).run()  # fmt: skip
    assert epochs == [1, 3, 4]


@pytest.mark.parametrize(("epochs", "often"), [(3, 1), (10, 1), (50, 5), (200, 20)])
def test_without_a_setting_a_run_validates_ten_times(epochs, often):
    assert RunSettings(epochs=epochs).validation_interval == often
    assert RunSettings(epochs=epochs, validate_epochs=7).validation_interval == 7


def test_what_a_killed_run_left_behind_is_swept(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    remains = tmp_path / f".last.safetensors.{dead.pid}.part"
    remains.touch()
    loop(tmp_path, Toy(), World(1, 2, CPU), batch=1)
    assert remains.exists()  # only the main process writes, and sweeps
    loop(tmp_path, Toy())
    assert not remains.exists()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 1}, "seed = 0, now it is 1"),
        ({"epochs": 3}, "epochs = 2, now it is 3"),
        ({"optimiser": {"lr": 0.02}}, "optimiser.lr = 0.01, now it is 0.02"),
        ({"data": {"augment": {"flip": 1}}}, "data.augment.flip = 0.0, now it is 1.0"),
    ],
)
def test_resuming_with_another_config_is_refused(tmp_path, changes, difference):
    loop(tmp_path, Toy()).run()
    with pytest.raises(InputError) as error:
        loop(tmp_path, Toy(), **changes).resume()
    assert f"last.safetensors was begun with {difference}" in str(error.value)


def test_settings_that_affect_no_result_may_change(tmp_path):
    loop(tmp_path, Toy()).run()
    loop(tmp_path, Toy(), workers=1, checkpoint_steps=7, device="cpu").resume()


def test_data_crops_and_teacher_may_lie_elsewhere(tmp_path):
    inputs = {"data": "1f", "teacher": "2e"}
    loop(tmp_path, Toy(), inputs=inputs, kind=StudentSettings, init="teacher", teacher="a").run()
    moved = {"teacher": "/b", "data": {"root": "/mnt/new", "cache": "/scratch"}}
    loop(tmp_path, Toy(), inputs=inputs, kind=StudentSettings, init="teacher", **moved).resume()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("data", "another data than /mnt/new, whose content differs"),
        ("teacher", "another teacher than /b, whose content differs"),
    ],
)
def test_data_and_teacher_of_another_content_are_refused(tmp_path, key, message):
    inputs = {"data": "1f", "teacher": "2e"}
    changes = {"kind": StudentSettings, "init": "teacher"}
    loop(tmp_path, Toy(), inputs=inputs, teacher="a", **changes).run()
    moved = {"teacher": "/b", "data": {"root": "/mnt/new"}, **changes}
    with pytest.raises(InputError, match=message):
        loop(tmp_path, Toy(), inputs=inputs | {key: "3d"}, **moved).resume()


def test_resuming_with_another_number_of_processes_is_refused(tmp_path):
    loop(tmp_path, Toy(), batch=1).run()
    with pytest.raises(InputError, match="begun with 1 processes, now there are 2"):
        loop(tmp_path, Toy(), World(0, 2, CPU), batch=1).resume()


def test_an_epoch_of_less_than_a_batch_is_refused(tmp_path):
    with pytest.raises(InputError, match="7 pairs, fewer than one batch of 8"):
        loop(tmp_path, Toy(), batch=8)


def test_events_and_lines_show_losses_and_metrics(tmp_path, capsys):
    loop(tmp_path, Toy(), batch=1, epochs=3).run()
    assert list(tmp_path.glob("events.out.tfevents.*"))
    err = capsys.readouterr().err
    assert "epoch 3/3" in err and "response 1.000" in err and "data_s" in err
    assert json.dumps(load_checkpoint(tmp_path / "last.safetensors").header)
