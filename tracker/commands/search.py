"""Searches the tracker's settings on training tracks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rbsf.console import console, progress_bar, run_tool

from ..evaluation.search import Search, Trial, write_config
from ..evaluation.tracks import tracks_of
from .options import Weights, check_folder, check_weights, command_line


def search(
    root: Annotated[
        list[Path], typer.Argument(help="Folders in GOT-10k's layout, whose train split is used.")
    ],
    output: Annotated[Path, typer.Option(help="The YAML file for the best settings.")],
    weights: Weights = None,
    trials: Annotated[int, typer.Option(min=1, help="How many settings are tried.")] = 60,
    every: Annotated[
        int, typer.Option(min=1, help="Only every so many-th track is used, to take less time.")
    ] = 1,
    max_frames: Annotated[
        int, typer.Option(min=2, help="Only so many frames of each track are tracked.")
    ] = 60,
    workers: Annotated[int, typer.Option(min=1, help="The number of processes.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The seed of every random choice.")] = 0,
    folder: Annotated[Path, typer.Option(help="The folder where the trials are kept.")] = Path(
        "runs/search"
    ),
) -> None:
    """Searches the tracker's settings on training tracks, never on a benchmark.

    The same command goes on with a search that was stopped. Three of four tracks choose, and the
    rest check. Where training tracks are frames sampled from a video, targets move further between
    two of them than in the video, which moves the best settings too.

    Examples:

    `python tools/search_tracker.py data/got10k data/got10k_more --output tracker_tuned.yaml`

    `python tools/search_tracker.py data/got10k --trials 20 --every 2 --output tracker_tuned.yaml`
    """
    for each in root:
        check_folder(each, "the folder", "a folder in GOT-10k's layout")
    check_weights(weights)
    tracks = [track for each in root for track in tracks_of(each, every)]
    work = Search(weights, tracks, folder, max_frames, seed, workers)
    done: list[Trial] = []
    with progress_bar() as bar:
        task = bar.add_task("trials", total=trials, note="")
        for trial in work.run(trials):
            done.append(trial)
            best = max(each.ao for each in done)
            bar.update(task, completed=len(done), note=f"best AO {best:.4f}")
    found = work.finish(done)
    write_config(output, found, [f"Command: {command_line()}"])
    typer.echo(output.read_text(encoding="utf-8"), nl=False)
    console.print(f"written to {output}", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("python tools/search_tracker.py", search)
