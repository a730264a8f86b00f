"""What each of two processes does in test_distributed.py; started by torch.distributed.run.

Usage: two_processes.py FOLDER. Writes what there is to compare into FOLDER.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from rbsf.config import load_settings
from rbsf.train import loop
from rbsf.train import run as train_module
from rbsf.train.distributed import World, open_world
from rbsf.train.settings import StudentSettings, TeacherSettings
from rbsf.train.student import StudentTask
from rbsf.train.teacher import TeacherTask

INPUTS = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


def gradients(folder: Path, world: World) -> None:
    """A small module's gradients, each process on its half of the inputs."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    half = INPUTS[world.rank * 4 : world.rank * 4 + 4]
    wrapped = world.wrap(module)
    wrapped(half).square().mean().backward()
    found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    found["mean"] = torch.tensor([float(world.rank)])
    world.average([found["mean"]])
    found["shared"] = torch.tensor([float(world.rank + 5)])
    world.share([found["shared"]])
    found["flags"] = torch.tensor([world.any(world.rank == 1), world.any(False)])
    save_file(found, folder / f"gradients{world.rank}.safetensors")


def run(make_task, kind, folder: Path, name: str) -> None:
    """A training run; each process keeps its parameters, and notes what it writes."""
    tasks = []

    def keep(settings, world):
        tasks.append((make_task(settings, world), world.rank))
        return tasks[0][0]

    written, save = [], loop.save_checkpoint

    def note(path, header, parts):
        written.append(path.name)
        save(path, header, parts)

    loop.save_checkpoint = note
    train_module.train(keep, load_settings(kind, folder / f"{name}.yaml"), folder / name)
    loop.save_checkpoint = save
    task, rank = tasks[0]
    assert bool(written) == (rank == 0), written
    modules = {"model": task.model, **task.modules}
    kept = {
        f"{key}/{parameter}": value.detach().contiguous()
        for key, module in modules.items()
        for parameter, value in module.named_parameters()
    }
    save_file(kept, folder / f"{name}{rank}.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    where = Path(sys.argv[1])
    with open_world("cpu") as world:
        gradients(where, world)
        train_module.open_world = lambda device: nullcontext(world)  # gloo opens but once a process
        run(TeacherTask, TeacherSettings, where, "teacher")
        world.barrier()  # the first one has written the teacher
        run(StudentTask, StudentSettings, where, "student")
