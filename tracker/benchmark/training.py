"""How fast training is: pairs a second of each step, and of the data that feeds it."""

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
"""Timed in each round of the data pipeline."""


class Speed(NamedTuple):
    """Pairs a second of one thing, a value a round."""

    name: str
    rounds: list[float]

    @property
    def median(self) -> float:
        """Over the rounds."""
        return statistics.median(self.rounds)


class Measurement(NamedTuple):
    """Speeds, and where they were measured."""

    speeds: list[Speed]
    machine: str
    torch: str
    precision: str
    threads: int
    batch: int

    def data_ratio(self, speed: Speed) -> float:
        """How many times faster the data pipeline alone is: what one worker could feed."""
        (data,) = (s for s in self.speeds if s.name == DATA)
        return data.median / speed.median


def measure_training(settings: StudentSettings, rounds: int) -> Measurement:
    """Times the teacher's step, the student's step and the data pipeline in turn, `rounds` times.

    A step is what a run does with a batch, moving it to the device included; the pipeline is
    cached crops to augmented pairs in one worker process, and nothing beside it. A round before
    the first warms everything up.

    Args:
        settings: of the student; the teacher's step takes its data, batch, device and precision.
        rounds: 1 or more.

    Raises:
        InputError: no data, no teacher, or no such device.
    """
    with open_world(settings.device) as world:
        dataset = open_pairs(settings.data, settings.seed)
        pair = default_collate([dataset[i % len(dataset)] for i in range(settings.batch)])
        tasks: dict[str, Task] = {
            TEACHER: TeacherTask(_teacher_settings(settings), world),
            STUDENT: StudentTask(settings, world),
        }
        seconds: dict[str, list[float]] = {name: [] for name in (*tasks, DATA)}
        for _ in range(rounds + 1):
            for name, task in tasks.items():
                task.start_epoch(0)
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
    """The name of a device: the GPU's, or the processor's."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
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
    """Seconds a batch, from the moment the worker has delivered its first."""
    numbers = [i % len(dataset) for i in range((DATA_BATCHES + 1) * batch)]
    order = [numbers[start : start + batch] for start in range(0, len(numbers), batch)]
    loader = iter(DataLoader(dataset, batch_sampler=order, num_workers=1))
    next(loader)
    started = time.perf_counter()
    for _ in loader:
        pass
    return (time.perf_counter() - started) / DATA_BATCHES
