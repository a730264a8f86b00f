"""Feeds damaged files of every kind to what reads them, guided by the code that they reach."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.console import run_tool
from rbsf.errors import InputError, one_line

if TYPE_CHECKING:
    from doors import Door  # type: ignore[import-not-found]

TESTS = Path(__file__).parents[1] / "tests"

KINDS = {
    "weights": ("weight_doors", "every_door_of_weights"),
    "settings": ("weight_doors", "settings_doors"),
    "training-data": ("data_doors", "training_doors"),
    "data-sets": ("data_doors", "benchmark_doors"),
    "result-folders": ("data_doors", "result_doors"),
}
"""The modules of tests/helpers, and the functions in them, that make the doors of these files."""

GUIDES = ["rbsf", "tracker", "yaml"]
"""The packages whose branches guide the damage."""


def fuzz(kind: str, runs: int, seed: int, folder: Path) -> None:
    """Fuzzes the doors of a kind in this process, and ends it.

    The first byte of an input says which door it goes to. The rest is the file. What is found is
    printed, and kept as `finding-N` in the folder. Beside it are the corpus, and in `log.txt` what
    libFuzzer and the decoders say.
    """
    import atheris

    (folder / "files").mkdir(parents=True)
    os.dup2(os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT), 2)
    sys.path[:0] = [str(TESTS.parent), str(TESTS / "helpers")]
    module, function = KINDS[kind]
    with atheris.instrument_imports(include=GUIDES):
        make = getattr(importlib.import_module(module), function)
    doors: list[Door] = make(folder / "files")
    write_corpus(doors, folder)
    found: set[str] = set()

    def one(data: bytes) -> None:
        door = doors[data[0] % len(doors)] if data else doors[0]
        fault = door.fault(door.repair(data[1:]))
        alike = re.sub(r"\W?\d+|'.*'", "", fault)[:80]
        if fault and alike not in found:
            found.add(alike)
            (folder / f"finding-{len(found)}").write_bytes(door.file.read_bytes())
            print(f"  {door.file.name}: {one_line(fault)}", flush=True)

    options = [f"-atheris_runs={runs}", f"-seed={seed + 1}", f"-dict={folder / 'words.dict'}"]
    options += [f"-artifact_prefix={folder}/", "-max_len=65536", "-rss_limit_mb=8192"]
    atheris.Setup(["fuzz", *options, str(folder / "corpus")], one)
    atheris.Fuzz()


def write_corpus(doors: list[Door], folder: Path) -> None:
    """Writes what to begin from: whole files, and the words that files consist of."""
    (folder / "corpus").mkdir()
    for number, door in enumerate(doors):
        for index, sample in enumerate(door.samples):
            (folder / "corpus" / f"{number}-{index}").write_bytes(bytes([number]) + sample)
    words = {word for door in doors for word in door.words}
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in sorted(words))
    (folder / "words.dict").write_text("".join(f'"{word}"\n' for word in escaped))


def fuzz_files(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Fuzz this kind alone. Repeat the option for several."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many files of each kind.")] = 200_000,
    seed: Annotated[int, typer.Option(help="The seed of every random choice.")] = 0,
    folder: Annotated[
        Path, typer.Option(help="The folder for corpus and findings. It must not exist.")
    ] = Path("build/fuzz"),
) -> None:
    """Feeds damaged files of every kind to what reads them, guided by the code that they reach.

    Each file must be read, or refused by one line. Atheris damages the files, and keeps those that
    reach new code to damage them further. It must be installed: pip install atheris. Findings are
    printed, and their files kept in the folder. The exit status is 1 if there are any.

    Examples:

    `python tools/fuzz_files.py`

    `python tools/fuzz_files.py --only settings --runs 1000000 --folder build/fuzz-settings`
    """
    if not importlib.util.find_spec("atheris"):
        raise InputError("atheris is missing: pip install atheris")
    unknown = set(only or []) - set(KINDS)
    if unknown:
        raise InputError(f"no kind is called {unknown.pop()}: there is {', '.join(KINDS)}")
    if folder.exists():
        raise InputError(f"{folder} exists: remove it, or give another --folder")
    bad = 0
    for kind in only or KINDS:
        typer.echo(f"{kind}: {runs:,} files")
        arguments = (kind, runs, seed, folder / kind)
        process = multiprocessing.get_context("spawn").Process(target=fuzz, args=arguments)
        process.start()
        process.join()
        findings = len(list((folder / kind).glob("finding-*")))
        bad += findings + bool(process.exitcode)
        typer.echo(f"{kind}: {findings} findings, exit status {process.exitcode}")
    if bad:
        raise typer.Exit(1)


if __name__ == "__main__":
    run_tool("python tools/fuzz_files.py", fuzz_files)
