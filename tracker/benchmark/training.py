"""Measures the speed of training: the pairs or pictures per second of each step and of the data."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader, default_collate

from rbsf.config import CONFIGS, load_settings
from rbsf.data import PairDataset, open_pairs
from rbsf.data.pictures import Picture
from rbsf.nn import ResidualNet, make_classifier
from rbsf.train.classifier import BinaryClassifierTask, ClassifierTask, PictureBatch
from rbsf.train.classifier_settings import BinaryClassifierSettings, ClassifierSettings
from rbsf.train.distributed import World, open_world
from rbsf.train.loop import AnyBatch, Batch, Task
from rbsf.train.optim import autocast
from rbsf.train.settings import StudentSettings, TeacherSettings
from rbsf.train.student import StudentTask
from rbsf.train.teacher import TeacherTask

TEACHER, STUDENT, DATA = "teacher step", "RB-SF step", "data, one worker"
REAL, BINARY = "WRN-22 teacher step", "WRN-22 RBCN step"
CLASSIFIER = CONFIGS / "classify" / "wrn22_rbcn_cifar10.yaml"
"""The classifier that is timed, on pictures of 32 pixels in memory."""

DATA_BATCHES = 4
"""The number of batches that are timed in each round of the data pipeline."""


class Speed(NamedTuple):
    """The pairs, or a classifier's pictures, per second of one step or of the data, by rounds."""

    name: str
    rounds: list[float]
    of_pairs: bool = True
    """False if pictures were counted."""

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

    def data_ratio(self, speed: Speed) -> float | None:
        """Returns how many times as fast as this step one worker delivers its data.

        None for a step of pictures, which are in memory.
        """
        if not speed.of_pairs:
            return None
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
        binary = _classifier_settings(settings)
        real = ClassifierSettings(**binary.model_dump(include=set(ClassifierSettings.model_fields)))
        pictures = Picture(
            torch.randint(0, 256, (binary.batch, 3, binary.data.side, binary.data.side)).byte(),
            torch.arange(binary.batch) % binary.network.classes,
        )

        def pairs_batch() -> AnyBatch:
            return Batch(pair, world.device)

        def picture_batch() -> AnyBatch:
            return PictureBatch(pictures, world.device)

        tasks: dict[str, tuple[Task, Callable[[], AnyBatch]]] = {
            TEACHER: (TeacherTask(_teacher_settings(settings), world), pairs_batch),
            STUDENT: (StudentTask(settings, world), pairs_batch),
            REAL: (ClassifierTask(real, world), picture_batch),
            BINARY: (_Rehearsal(binary, world), picture_batch),
        }
        for task, _ in tasks.values():
            task.start_epoch(0)
        seconds: dict[str, list[float]] = {name: [] for name in (*tasks, DATA)}
        for _ in range(rounds + 1):
            for name, (task, make_batch) in tasks.items():
                seconds[name].append(_step_seconds(task, make_batch, world))
            seconds[DATA].append(_data_seconds(dataset, settings.batch))
    speeds = []
    for name, taken in seconds.items():
        of_pairs = name not in (REAL, BINARY)
        batch = settings.batch if of_pairs else binary.batch
        speeds.append(Speed(name, [batch / s for s in taken[1:]], of_pairs))
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


def _classifier_settings(settings: StudentSettings) -> BinaryClassifierSettings:
    """Those of the classifier that is timed, with the device and the precision of the student."""
    names = ("device", "precision", "compile")
    common = {name: getattr(settings, name) for name in names}
    return load_settings(BinaryClassifierSettings, CLASSIFIER).model_copy(update=common)


class _Rehearsal(BinaryClassifierTask):
    """The classifier's student, with a teacher of random weights, which costs the same."""

    def load_teacher(self) -> ResidualNet:
        return make_classifier(self.settings.network).eval().requires_grad_(False)


def _step_seconds(task: Task, make_batch: Callable[[], AnyBatch], world: World) -> float:
    started = time.perf_counter()
    task.step(make_batch())
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
