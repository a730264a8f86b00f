"""Measures the speed of training: the pairs per second of each step, and of the data."""

from __future__ import annotations

import platform
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader, default_collate

from rbsf.data import Pair, PairDataset, open_pairs
from rbsf.train.distributed import World, open_world
from rbsf.train.loop import Batch, Task
from rbsf.train.optim import autocast
from rbsf.train.settings import StudentSettings, TeacherSettings
from rbsf.train.student import StudentTask
from rbsf.train.teacher import TeacherTask

TEACHER, STUDENT, DATA = "teacher step", "RB-SF step", "data, one worker"

DATA_BATCHES = 4
"""The number of batches that are timed in each round of the data pipeline."""


class Speed(NamedTuple):
    """The pairs per second of one step or of the data, with one value for each round."""

    name: str
    rounds: list[float]

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.rounds)


class Measurement(NamedTuple):
    """Speeds, and the machine and settings that they were measured with."""

    speeds: list[Speed]
    machine: str
    torch: str
    precision: str
    threads: int
    batch: int

    def data_ratio(self, speed: Speed) -> float:
        """Returns how many times as fast as this step one worker delivers its data."""
        (data,) = (s for s in self.speeds if s.name == DATA)
        return data.median / speed.median


def measure_training(settings: StudentSettings, rounds: int) -> Measurement:
    """Times the teacher's step, the student's step and the data pipeline in turn.

    A step is what a run does with a batch, including the move to the device. The data pipeline
    turns cached crops into augmented pairs in one worker process, while nothing else runs. The
    first round warms everything up and does not count.

    Args:
        settings: The student's settings. The teacher's step uses the same data, batch size, device
            and precision.
        rounds: The number of rounds that count, 1 or more.

    Raises:
        InputError: There is no data, no teacher, or no such device.
    """
    with open_world(settings.device) as world:
        dataset = open_pairs(settings.data, settings.seed)
        pair = default_collate([dataset[i % len(dataset)] for i in range(settings.batch)])
        tasks: dict[str, Task] = {
            TEACHER: TeacherTask(_teacher_settings(settings), world),
            STUDENT: StudentTask(settings, world),
        }
        for task in tasks.values():
            task.start_epoch(0)
        seconds: dict[str, list[float]] = {name: [] for name in (*tasks, DATA)}
        for _ in range(rounds + 1):
            for name, task in tasks.items():
                seconds[name].append(_step_seconds(task, pair, world))
            seconds[DATA].append(_data_seconds(dataset, settings.batch))
    speeds = [
        Speed(name, [settings.batch / s for s in taken[1:]]) for name, taken in seconds.items()
    ]
    with autocast(settings.precision, world.device):
        precision = "bf16" if torch.is_autocast_enabled(world.device.type) else "fp32"
    threads = torch.get_num_threads()
    machine = describe_machine(world.device)
    return Measurement(speeds, machine, torch.__version__, precision, threads, settings.batch)


def describe_machine(device: torch.device) -> str:
    """Returns the name of the GPU, or of the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _teacher_settings(settings: StudentSettings) -> TeacherSettings:
    common = {name: getattr(settings, name) for name in ("batch", "device", "precision", "compile")}
    return TeacherSettings(**common)


def _step_seconds(task: Task, pair: Pair, world: World) -> float:
    started = time.perf_counter()
    task.step(Batch(pair, world.device))
    if world.device.type == "cuda":
        torch.cuda.synchronize(world.device)
    return time.perf_counter() - started


def _data_seconds(dataset: PairDataset, batch: int) -> float:
    """Measures the seconds per batch, once the worker has delivered its first batch."""
    numbers = [i % len(dataset) for i in range((DATA_BATCHES + 1) * batch)]
    order = [numbers[start : start + batch] for start in range(0, len(numbers), batch)]
    loader = iter(DataLoader(dataset, batch_sampler=order, num_workers=1))
    next(loader)
    started = time.perf_counter()
    for _ in loader:
        pass
    return (time.perf_counter() - started) / DATA_BATCHES
