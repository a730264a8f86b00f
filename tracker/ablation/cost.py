"""What the ladder will cost: a training step and a tracked frame are timed before it starts.

On a CPU the processor's own time counts, so that others at work on the machine do not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..evaluation.contenders import our_contenders
from ..evaluation.datasets import Dataset
from ..evaluation.protocols import runs_of
from ..evaluation.runner import track

if TYPE_CHECKING:
    from rbsf.train.settings import StudentSettings

TIMED_STEPS = 2
"""How many steps are timed, after one that is not."""
TIMED_FRAMES = 10
"""How many frames of the first sequence are tracked to time one."""


class Cost(NamedTuple):
    """The expected hours of a ladder on this machine, with nothing else running.

    Attributes:
        cells: The number of trainings.
        training: Hours of training in each cell.
        tracking: Hours of tracking in each cell.
        jobs: How many cells run at a time.
    """

    cells: int
    training: float
    tracking: float
    jobs: int

    def __str__(self) -> str:
        rounds = -(-self.cells // self.jobs)
        return (
            f"{self.cells} cells, each {_hours(self.training)} of training and "
            f"{_hours(self.tracking)} of tracking: about "
            f"{_hours(rounds * (self.training + self.tracking))} with {self.jobs} at a time"
        )


def expected_cost(
    settings: StudentSettings, datasets: Sequence[Dataset], cells: int, jobs: int, threads: int
) -> Cost:
    """Times a few steps and frames, and multiplies.

    Args:
        settings: The settings of the rung that has everything, which costs the most.
        datasets: What every network tracks.
        cells: The number of trainings.
        jobs: How many cells run at a time.
        threads: How many threads a training may use.

    Raises:
        InputError: There is no teacher, or the first sequence cannot be tracked.
    """
    pairs = settings.data.pairs_per_epoch or 0
    steps = settings.epochs * (pairs // settings.batch) * (1 + settings.norm_pass)
    frames = sum(
        run.frames for d in datasets for s in d.sequences for run in runs_of(s, d.protocol)
    )
    training, tracking = _step_seconds(settings, threads), _frame_seconds(datasets[0])
    return Cost(cells, steps * training / 3600, frames * tracking / 3600, jobs)


def _step_seconds(settings: StudentSettings, threads: int) -> float:
    """The time of a step on random pixels; making the pairs runs beside it."""
    import torch

    from rbsf.data import Pair
    from rbsf.train.distributed import open_world
    from rbsf.train.loop import Batch
    from rbsf.train.student import StudentTask

    torch.set_num_threads(threads)
    count = settings.batch
    exemplars, searches = (
        torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8) for side in (127, 239)
    )
    with open_world(settings.device) as world:
        batch = Batch(Pair(exemplars, searches, torch.zeros(count, 2)), world.device)
        task = StudentTask(settings, world)
        task.start_epoch(0)
        task.step(batch)
        on_cpu = world.device.type == "cpu"
        clock = time.process_time if on_cpu else time.perf_counter
        started = clock()
        for _ in range(TIMED_STEPS):
            task.step(batch)
        return (clock() - started) / TIMED_STEPS / (threads if on_cpu else 1)


def _frame_seconds(dataset: Dataset) -> float:
    """The time of a frame of the shipped RB-SF, with its decoding."""
    (tracker,) = our_contenders([], threads=1)
    run = runs_of(dataset.first_frames(TIMED_FRAMES).sequences[0], "ope")[0]
    tracker.make()  # loads the network, which is then kept
    started = time.process_time()
    track(tracker.make, run)
    return (time.process_time() - started) / run.frames


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"
