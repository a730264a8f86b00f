"""Lists what a benchmark's folder lacks, by name and with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool

from ..evaluation.datasets import BENCHMARKS, Dataset, load_dataset
from ..evaluation.inspection import damaged_sequences
from ..evaluation.sequence import LeftOut

KNOWN = ", ".join(BENCHMARKS)


def check_dataset(
    dataset: Annotated[str, typer.Option(help=f"Benchmark: {KNOWN}.")],
    root: Annotated[Path, typer.Option(help="The benchmark's folder.")],
    decode: Annotated[
        bool, typer.Option("--decode", help="Decode every image, to find the damaged ones.")
    ] = False,
) -> None:
    """Lists what a benchmark's folder lacks, by name and with the reason.

    The exit status is 0 if all sequences that the benchmark lists are whole, 1 if some are missing,
    short or damaged.

    Examples:

    - `rbsf check-dataset --dataset otb100 --root data/otb`

    - `rbsf check-dataset --dataset uav123 --root data/uav123 --decode`
    """
    data = load_dataset(dataset, root)
    left_out = [*data.left_out, *_damaged(data, decode)]
    for line in left_out:
        print(line)
    whole = data.listed - len(left_out)
    frames = sum(len(sequence.frames) for sequence in data.sequences)
    print(f"{whole} of {data.listed} sequences of {data.name} ({data.split}) are whole "
          f"under {root}, with {frames} frames")  # fmt: skip
    if left_out:
        raise typer.Exit(1)


def _damaged(data: Dataset, decode: bool) -> list[LeftOut]:
    with progress_bar(shown=decode and console.is_terminal) as bar:
        frames = sum(len(sequence.frames) for sequence in data.sequences)
        task = bar.add_task("decoding", total=frames, note="")
        return list(damaged_sequences(data, decode, lambda s: bar.advance(task, len(s.frames))))


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf check-dataset", check_dataset)
