"""Trains variants of a recipe for a small budget each, and compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, run_tool
from rbsf.errors import InputError
from rbsf.files.atomic import write_text

from ..evaluation.variants import Outcome, measure_variant, read_variants, table
from .options import Data, check_file, check_folder, check_weights


def compare(
    variants: Annotated[Path, typer.Argument(help="The YAML file that lists the variants.")],
    data: Data = None,
    teacher: Annotated[
        Path | None, typer.Option(help="The teacher's checkpoint, for variants of a student.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="How many pairs each variant sees.")] = 16000,
    epochs: Annotated[int, typer.Option(min=1, help="How many epochs these are divided into.")] = 8,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each variant has.")] = 1,
    only: Annotated[
        str | None, typer.Option(help="Only these variants, as in base,synthesis.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the results. Without this option it is runs/variants/ and the name "
            "of the file."
        ),
    ] = None,
) -> None:
    """Trains variants of a recipe for a small budget each, and compares them.

    All start from the same seeds and see the same number of pairs. Each is measured by single steps
    on the tracks that the training holds out. The output folder gets table.md, which is written
    anew after each, and the networks: network.safetensors in a folder for each. A run that was
    stopped goes on where it was: the same command resumes it.

    Examples:

    `python tools/compare_variants.py configs/variants/teacher.yaml --data data --pairs 16000`

    `python tools/compare_variants.py configs/variants/student.yaml --data data --seeds 3
    --teacher runs/siamfc_small/best.safetensors --only base,two-step`
    """
    check_file(variants, "the file of variants")
    check_folder(data, "--data", "the folder that holds the data sources")
    check_weights(teacher, "--teacher")
    folder = output or Path("runs") / "variants" / variants.stem
    wanted = {name.strip() for name in only.split(",")} if only else None
    outcomes: list[Outcome] = []
    for seed in range(seeds):
        listed = read_variants(
            variants, pairs=pairs, epochs=epochs, seed=seed, data=data, teacher=teacher
        )
        _check_names(wanted, [variant.name for variant in listed])
        for variant in listed:
            if wanted and variant.name not in wanted:
                continue
            console.print(f"{variant.name}, seed {seed}", style="bold", highlight=False)
            outcome = measure_variant(variant, folder / f"{variant.name}-{seed}")
            outcomes.append(outcome)
            write_text(folder / "table.md", table(outcomes))
    typer.echo(table(outcomes), nl=False)


def _check_names(wanted: set[str] | None, known: list[str]) -> None:
    """Checks that all variants that were asked for are listed."""
    for name in sorted((wanted or set()) - set(known)):
        raise InputError(f"--only {name}: there is no such variant, only {', '.join(known)}")


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("python tools/compare_variants.py", compare)
