"""Devices and data workers of a process: what torchrun's variables and the machine decide."""

import pytest
import torch

from rbsf.errors import InputError
from rbsf.train import distributed
from rbsf.train.distributed import World, pick_device

CPU, GPU = World(0, 1, torch.device("cpu")), World(0, 1, torch.device("cuda", 0))


@pytest.fixture
def machine(monkeypatch):
    """Makes a machine of some cores and GPUs, on which torchrun runs some processes."""

    def make(cores=8, gpus=0, processes=1, rank=0):
        monkeypatch.setattr(distributed, "usable_cores", lambda: cores)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
        monkeypatch.setenv("LOCAL_RANK", str(rank))

    return make


@pytest.mark.parametrize(
    ("cores", "processes", "workers"), [(8, 1, 8), (64, 1, 32), (64, 8, 8), (2, 4, 1)]
)
def test_processes_with_gpus_share_the_cores(machine, cores, processes, workers):
    machine(cores, gpus=processes, processes=processes)
    assert GPU.workers(None) == workers
    assert GPU.workers(3) == 3 and GPU.workers(0) == 0


def test_without_a_gpu_the_steps_need_the_cores(machine):
    machine(cores=64)
    assert CPU.workers(None) == 1 and CPU.workers(5) == 5


@pytest.mark.parametrize(
    ("name", "gpus", "device"),
    [("auto", 4, "cuda:2"), ("cuda", 4, "cuda:2"), ("cuda:1", 4, "cuda:1"), ("auto", 0, "cpu")],
)
def test_each_process_of_a_machine_has_a_gpu_of_its_own(machine, name, gpus, device):
    machine(gpus=gpus, processes=4, rank=2)
    assert pick_device(name) == torch.device(device)


def test_more_processes_than_gpus_are_refused(machine):
    machine(gpus=2, processes=4, rank=2)
    with pytest.raises(InputError, match="no GPU 2, because this machine has 2: start 2 processes"):
        pick_device("auto")


@pytest.mark.parametrize(("name", "message"), [("tpu9", "unknown"), ("cuda", "without CUDA")])
def test_other_devices_are_refused(machine, name, message):
    machine()
    with pytest.raises(InputError, match=message):
        pick_device(name)
