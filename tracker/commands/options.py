"""What the commands share: types of options, the parser of boxes, and checks of their words.

Every check here is cheap. A command makes its checks before it imports torch, loads a network or
opens a camera, so that a typing error is answered at once.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import remark
from rbsf.errors import InputError
from rbsf.files.weights import NAMES
from rbsf.geometry import Box, check_box, doubt_about

WEIGHT_SUFFIXES = (".rbsf", ".safetensors", ".pth", ".pt")
"""The files that hold networks: packed ones, checkpoints, and those of siamfc-pytorch."""

BBOX_FORM = "--bbox x,y,w,h"

Weights = Annotated[
    Path | None,
    typer.Option(
        help="The network's weights: a packed .rbsf file, a checkpoint (.safetensors, .pth), or "
        "rbsf, the paper's tracker. Without this option it is rbsf_box, which gives boxes.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="The folder that holds the data sources which the settings name."),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="The folder for the crops. Without this option, the one in the settings."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="The run's folder. Without this option it is runs/ and the name of the settings file."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run from where it was stopped.")]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures to this JSON file.")
]


def parse_bbox(text: str, frame_size: tuple[int, int]) -> Box:
    """Reads a box from the command line.

    Args:
        text: The words after `--bbox`: four numbers x,y,w,h joined by commas. They are the box's
            left edge, top edge, width and height in pixels, counted from 0.
        frame_size: The (width, height) of the frame in pixels.

    Raises:
        InputError: The text is not such a box, or the box lies outside the frame. A box that is
            possible but not plausible gets a remark on standard error.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        width, height = frame_size
        raise InputError(
            f"--bbox {text} is not a box: give four numbers x,y,w,h joined by commas, "
            f"as in --bbox 612,290,72,72 (the frame is {width}x{height})"
        )
    try:
        box = check_box(numbers, frame_size)
    except InputError as error:
        raise InputError(f"--bbox {text} (read as x,y,w,h): {error}") from None
    doubt = doubt_about(box, frame_size)
    if doubt:
        remark(f"--bbox {text}: {doubt}")
    return box


def check_file(file: Path | None, option: str, suffixes: Sequence[str] = ()) -> None:
    """Checks that an input file is there. An option that was not given passes.

    Args:
        file: The file, if it was given.
        option: The option that names it, such as `--weights`.
        suffixes: The endings that the file may have. An empty sequence allows any.

    Raises:
        InputError: There is no such file, it is a folder, or it has another ending.
    """
    if file is None:
        return
    if file.is_dir():
        raise InputError(f"{option} {file} is a folder: give a file")
    if not file.exists():
        raise InputError(f"{option} {file}: there is no such file")
    if suffixes and file.suffix.lower() not in suffixes:
        raise InputError(f"{option} {file}: the file's name must end in {', '.join(suffixes)}")


def check_weights(file: Path | None, option: str = "--weights") -> None:
    """Checks that a file of weights is there and has the ending of one.

    Raises:
        InputError: There is no such file, it is a folder, or it has another ending. The name of a
            network that comes with the package is fine.
    """
    if file is None or file.is_file() or str(file) not in NAMES:
        check_file(file, option, WEIGHT_SUFFIXES)


def check_folder(folder: Path | None, option: str, what: str) -> None:
    """Checks that an input folder is there. An option that was not given passes.

    Args:
        folder: The folder, if it was given.
        option: The option that names it, such as `--data`.
        what: What the folder must be, as in "the folder that holds got10k".

    Raises:
        InputError: There is no such folder.
    """
    if folder is not None and not folder.is_dir():
        missing = "it is a file" if folder.exists() else "there is no such folder"
        raise InputError(f"{option} {folder}: {missing}; give {what}")


def finish_run(completed: bool, folder: Path) -> None:
    """Prints where the trained network is.

    Args:
        completed: Whether the training came to its end.
        folder: The run's folder.

    Raises:
        KeyboardInterrupt: Ctrl-C stopped the run, so that the program ends as Ctrl-C has it end.
    """
    if not completed:
        raise KeyboardInterrupt
    typer.echo(folder / "final.safetensors")


def command_line() -> str:
    """Returns the command that this process was started with, as it can be typed again."""
    name, *words = sys.argv
    started = f"python {shlex.quote(name)}" if name.endswith(".py") else name
    return f"{started} {shlex.join(words)}".strip()


def rbsf_as_typed() -> str:
    """Returns what starts the command `rbsf` in this user's shell.

    That is `rbsf` where the shell finds the one of this Python. Otherwise it is the path to it, or
    `python -m rbsf`.
    """
    python = Path(sys.executable)
    script = python.with_name("rbsf")
    if shutil.which("rbsf") == str(script):
        return "rbsf"
    there = script if os.access(script, os.X_OK) else python
    shown = there.relative_to(Path.cwd()) if there.is_relative_to(Path.cwd()) else there
    return shlex.quote(str(shown)) + ("" if there == script else " -m rbsf")
