"""Attacks the readers, the trackers and the runs, as the tests do, but for minutes."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import resource
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from rbsf.console import run_tool
from rbsf.cores import usable_cores
from rbsf.errors import InputError, one_line

TESTS = Path(__file__).parents[1] / "tests"

LONG = {
    "boxes": 10_000,
    "data-sets": 10_000,
    "evaluation-with-kills": 100,
    "frames": 100_000,
    "images": 10_000,
    "packed-files-1": 10_000,
    "packed-files-2": 10_000,
    "packed-files-3": 10_000,
    "packed-files-4": 10_000,
    "pth-files": 10_000,
    "result-folders": 2_000,
    "safetensors": 10_000,
    "settings": 500,
    "settings-files": 5_000,
    "signals": 50,
    "streams": 40,
    "training-data": 10_000,
    "training-with-kills": 100,
    "videos": 2_000,
}
"""How often each class of attack is tried."""

MOST_MEMORY = 12 << 30
"""In bytes. No file of a few kilobytes may ask for more."""


class Attack(NamedTuple):
    """A class of attack: a function `attack_NAME` or `attack_with_NAME` of a file of tests.

    It takes a folder, how often to try and a seed, and gives a line for each mishandled case.
    """

    name: str
    file: Path
    function: str


def find_attacks() -> dict[str, Attack]:
    """Every class of attack in the tests, by its name."""
    found = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for function in re.findall(r"^def (attack_\w+)", file.read_text(encoding="utf-8"), re.M):
            name = re.sub("^attack_(with_)?", "", function).replace("_", "-")
            found[name] = Attack(name, file, function)
    return dict(sorted(found.items()))


def run_here(attack: Attack, folder: Path, count: int, seed: int) -> None:
    """Runs an attack in this process, and writes what was mishandled to `mishandled.json`."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    sys.path[:0] = [str(TESTS.parent), str(TESTS / "helpers")]
    files = folder / "files"
    files.mkdir()
    os.dup2(os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT), 2)  # decoders say much
    function: Callable[[Path, int, int], list[str]]
    function = runpy.run_path(str(attack.file))[attack.function]
    (folder / "mishandled.json").write_text(json.dumps(function(files, count, seed)))


def run(attack: Attack, folder: Path, count: int, seed: int) -> tuple[list[str], float]:
    """Runs an attack in a process of its own. Gives what was mishandled, and the seconds."""
    folder.mkdir(parents=True)
    started = time.perf_counter()
    process = multiprocessing.get_context("spawn").Process(
        target=run_here, args=(attack, folder, count, seed)
    )
    process.start()
    process.join()
    seconds, code = time.perf_counter() - started, process.exitcode or 0
    if code:
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        return [f"the process ended with {how}; its last files are in {folder}"], seconds
    return json.loads((folder / "mishandled.json").read_text()), seconds


def chosen(only: list[str], attacks: dict[str, Attack]) -> Iterator[Attack]:
    """The attacks of these names, or all.

    Raises:
        InputError: There is no attack of a name.
    """
    for name in only or attacks:
        if name not in attacks:
            raise InputError(f"no attack is called {name}: there is {', '.join(attacks)}")
        yield attacks[name]


def attack(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Run this class alone. Repeat the option for several."),
    ] = None,
    scale: Annotated[
        float, typer.Option(min=0.0001, help="How often to try, relative to the long form.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="The seed of every random choice.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many classes run at once. Without it, one runs on each core."
        ),
    ] = None,
) -> None:
    """Attacks the readers, the trackers and the runs, as the tests do, but for minutes.

    Each class runs in a process of its own. Its line says how often it was tried, and how many
    cases were mishandled. A line for each of these follows. A case is handled if it is done, or
    refused by one line that names the thing. The exit status is 1 if anything was mishandled.

    Examples:

    `python tools/attack.py`

    `python tools/attack.py --only videos --only boxes --scale 0.1 --seed 7`
    """
    attacks = list(chosen(only or [], find_attacks()))
    counts = [max(1, round(LONG[each.name] * scale)) for each in attacks]
    folder = Path(tempfile.mkdtemp(prefix="rbsf-attack-"))
    folders = [folder / each.name for each in attacks]
    total = 0
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        runs = pool.map(run, attacks, folders, counts, [seed] * len(attacks))
        for each, count, (faults, seconds) in zip(attacks, counts, runs, strict=True):
            total += len(faults)
            typer.echo(
                f"{each.name:24} {count:7,} tried {len(faults):5,} mishandled {seconds:6.0f} s"
            )
            for fault in faults:
                typer.echo(f"  {one_line(fault)}")
    typer.echo(f"{total:,} mishandled (seed {seed})")
    if total:
        raise typer.Exit(1)


if __name__ == "__main__":
    run_tool("python tools/attack.py", attack)
