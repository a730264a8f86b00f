"""Makes the crops that a training needs, before the training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.config import CONFIGS, parse_settings, read_yaml
from rbsf.console import console, run_tool

from .options import Cache, Data, check_file, check_folder

if TYPE_CHECKING:
    from rbsf.data import DataSettings


def cache(
    config: Annotated[
        Path,
        typer.Option(
            help="The YAML file with the settings of the training.",
            show_default="configs/rbsf.yaml",
        ),
    ] = CONFIGS / "rbsf.yaml",
    data: Data = None,
    cache: Cache = None,
) -> None:
    """Makes the crops that a training needs, on all cores, and writes an index of them.

    A training makes missing crops itself. Made before, they cost no time on a rented GPU. The
    command says first how much room they take. After Ctrl-C or a kill it continues where it was.
    Started again, it looks at every image, and makes those crops anew whose image has changed.

    Examples:

    `rbsf cache --data data`

    `rbsf cache --config configs/siamfc.yaml --data data --cache /scratch/crops`
    """
    check_file(config, "--config")
    check_folder(data, "--data", "the folder that holds the data sources")
    from rbsf.data.pairs import open_sources

    settings = _settings(config).in_folders(data, cache)
    for source, opened in zip(settings.sources, open_sources(settings, look=True), strict=True):
        for remark in opened.remarks:
            console.print(remark, markup=False, highlight=False, soft_wrap=True)
        crops = sum(len(target.boxes) for target in opened.targets)
        size = sum(target.file.stat().st_size for target in opened.targets)
        typer.echo(
            f"{source.path}: {crops:,} crops of {len(opened.targets):,} targets, {size / 1e9:,.2f} "
            f"GB in {settings.cache}"
        )


def _settings(config: Path) -> DataSettings:
    """Reads what a training's settings say of its data, whatever it trains."""
    from rbsf.data.box_pairs import BoxDataSettings

    values = read_yaml(config).get("data") or {}
    return parse_settings(BoxDataSettings, values, f"{config}, data")


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf cache", cache)
