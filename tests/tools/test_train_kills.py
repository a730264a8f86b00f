"""Trainings that are killed at random moments, of which nothing is lost."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from tiny_data import write_got10k
from tool_runs import Ended, ToolRuns, kill_after, tool_runs

from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.nn import SiamFC

MOST_KILLS = 4
"""So often a run is killed before it is left alone, so that an attack comes to an end."""
DATA = {"sources": [{"kind": "got10k", "path": "got10k"}], "pairs_per_epoch": 2}
ADAM = {"name": "adam", "lr": 1e-3, "weight_decay": 0}
COMMON = {"epochs": 2, "batch": 1, "workers": 0, "checkpoint_steps": 1, "optimiser": ADAM}
FILTER = {"min_side": 5, "min_share": 0, "max_share": 1}
CONFIGS: dict[str, dict[str, Any]] = {
    "train_box": {**COMMON, "data": {**DATA, "hold_out": 0, "filter": FILTER}},
    "train_siamfc": {**COMMON, "data": DATA},
    "train_rbsf": {**COMMON, "data": DATA, "teacher": "teacher.safetensors", "init": "teacher"},
}
"""Runs of four steps, each with its checkpoint."""


def write_inputs(folder: Path) -> None:
    """Data, settings, and a teacher with random weights."""
    write_got10k(folder / "data")
    torch.manual_seed(0)
    header = {"kind": "teacher", "config": {}}
    save_checkpoint(folder / "teacher.safetensors", header, {"model": SiamFC().state_dict()})
    for tool, config in CONFIGS.items():
        (folder / f"{tool}.yaml").write_text(yaml.safe_dump(config))


def train(run: ToolRuns, tool: str, output: Path, first: str = "") -> Ended:
    """Begins a run, or resumes it where there is something to resume."""
    resume = ["--resume"] if (output / "last.safetensors").exists() else []
    words = ("--config", f"{tool}.yaml", "--data", "data", "--output", output, *resume)
    return run(tool, *words, first=first)


def left_damaged(output: Path) -> list[str]:
    """The checkpoints of a killed run that cannot be read."""
    found = []
    for file in output.glob("*.safetensors"):
        try:
            load_checkpoint(file)
        except InputError as error:
            found.append(str(error))
    return found


def attack_training_with_kills(folder: Path, count: int, seed: int) -> list[str]:
    """Kills trainings `count` times, at any moment. Returns what was mishandled.

    Box network, teacher and student take turns. Each run is resumed until it ends, and must end
    with the same file as one that was left alone, to the byte.
    """
    write_inputs(folder)
    draw, mishandled, kills, number = random.Random(seed), [], 0, 0
    with tool_runs(folder) as run:
        whole: dict[str, tuple[float, bytes]] = {}
        while kills < count and len(mishandled) < 10:
            tool = list(CONFIGS)[number % len(CONFIGS)]
            number += 1
            if tool not in whole:
                began = time.monotonic()
                ended = train(run, tool, folder / tool)
                assert ended.status == 0, ended.err
                final = (folder / tool / "final.safetensors").read_bytes()
                whole[tool] = time.monotonic() - began, final
            seconds, final = whole[tool]
            output = folder / f"run{number}"
            for again in range(MOST_KILLS + 1):
                goes_on = again < MOST_KILLS and kills < count
                ended = train(
                    run, tool, output, kill_after(draw.uniform(0, seconds)) if goes_on else ""
                )
                if ended.status != -9:
                    break
                kills += 1
                mishandled += left_damaged(output)
            if ended.status:
                mishandled.append(
                    f"{tool}, run {number}: status {ended.status}, {ended.err[-300:]}"
                )
                continue
            if (output / "final.safetensors").read_bytes() != final:
                mishandled.append(f"{tool}, run {number}: another network than without kills")
            left = [path.name for path in output.iterdir() if path.name.startswith(".")]
            if left:
                mishandled.append(f"{tool}, run {number}: {left} stay")
            shutil.rmtree(output)
    return mishandled


def test_killed_at_any_moment_a_training_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    assert attack_training_with_kills(tmp_path, count=2, seed=0) == []
