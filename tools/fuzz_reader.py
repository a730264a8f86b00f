"""Feeds damaged packed files to both readers, the compiled one under sanitizers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool
from rbsf.engine.fuzz import (
    CompiledReader,
    Finding,
    build_reader,
    check,
    damaged_files,
    run_libfuzzer,
)


def fuzz_reader(
    files: Annotated[int, typer.Option(min=1, help="How many damaged files to make.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The seed of the damage.")] = 0,
    build: Annotated[
        Path | None,
        typer.Option(
            help="The folder to compile in.", show_default="build/sanitize or build/libfuzzer"
        ),
    ] = None,
    libfuzzer: Annotated[
        bool,
        typer.Option(
            "--libfuzzer",
            help="Let libFuzzer make the files, guided by the code that they reach in the compiled "
            "reader and the kernels. It needs clang++ with its runtime.",
        ),
    ] = False,
) -> None:
    """Feeds damaged packed files to both readers, the compiled one under sanitizers.

    No reader may read out of bounds, die, or accept what the other refuses. Networks that are
    accepted run on every kernel path. At the end the outcomes are counted. A finding ends the
    program with status 1, and its file is kept as `finding.rbsf` in the folder of the reader.

    Examples:

    `python tools/fuzz_reader.py`

    `python tools/fuzz_reader.py --files 1000000 --seed 7`

    `python tools/fuzz_reader.py --libfuzzer --files 1000000`
    """
    build = build or Path("build") / ("libfuzzer" if libfuzzer else "sanitize")
    program = build_reader(build, libfuzzer)
    if libfuzzer:
        if not run_libfuzzer(program, files, seed, build / "corpus"):
            console.print(f"found: the file is {build / 'corpus'}/found-...")
            raise typer.Exit(1)
        typer.echo(f"{files:7,} files of libFuzzer; nothing was found")
        return
    outcomes: Counter[str] = Counter()
    try:
        with CompiledReader(program) as compiled, progress_bar() as bar:
            task = bar.add_task("files", total=files, note="")
            for data in damaged_files(files, seed):
                outcomes[re.sub(r"\d+", "N", check(data, compiled))] += 1
                bar.advance(task)
    except Finding as finding:
        file = build / "finding.rbsf"
        file.write_bytes(finding.data)
        console.print(f"found: {finding}; the file is {file}")
        raise typer.Exit(1) from None
    for outcome, count in outcomes.most_common():
        typer.echo(f"{count:7,} {outcome}")
    typer.echo(f"{files:7,} damaged files; nothing was found")


if __name__ == "__main__":
    run_tool("python tools/fuzz_reader.py", fuzz_reader)
