"""Single steps of several trackers: who asks them, and the table and the file of their figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, write_text

from ..loop.box_tracker import BoxTracker
from ..loop.siamfc_tracker import SiamFCTracker
from .contenders import Contender
from .datasets import Dataset
from .machine import processor_name
from .peak_looker import PeakLooker
from .sequence import Sequence as Track
from .single_step import Looker, SingleStep, mean_of, single_steps

Figures = Mapping[str, SingleStep]
"""The figures of a tracker, by sequence."""

NOTE = (
    "The IoU of one answer with the true box, from a believed box that is wrong by a normal error",
    "of 9% of the place and 10% of the size, in every fifth frame. Means over sequences.",
)


def ask(contender: Contender, dataset: Dataset, on_sequence: Callable[[], object]) -> Figures:
    """Asks a tracker all questions about a data set.

    Args:
        contender: The tracker, which must be one of ours.
        dataset: The data set.
        on_sequence: Is called after each sequence.

    Raises:
        InputError: It cannot be asked about a frame by itself, an image cannot be read, or no
            sequence is long enough.
    """

    def each() -> Iterator[Track]:
        for sequence in dataset.sequences:
            yield sequence
            on_sequence()

    return single_steps(lambda: _looker(contender), each())


def _looker(contender: Contender) -> Looker:
    tracker = contender.make()
    if isinstance(tracker, BoxTracker):
        return tracker
    if isinstance(tracker, SiamFCTracker):
        return PeakLooker(tracker.embedder)
    raise InputError(
        f"{contender.name} cannot be asked for single steps: OpenCV's trackers take no believed "
        "box; leave out --rival or --single-step"
    )


def print_steps(asked: Sequence[tuple[Contender, Figures]]) -> None:
    """Prints a line for the believed boxes themselves, and one for each tracker."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(("tracker", "IoU", "above .5", "sequences")):
        table.add_column(heading, justify="right" if index else "left", no_wrap=True)
    stay = mean_of(asked[0][1])
    table.add_row("the believed box itself", f"{stay.stay:.3f}", f"{stay.stay_above_half:.3f}", "")
    for contender, steps in asked:
        mean = mean_of(steps)
        table.add_row(contender.name, f"{mean.iou:.3f}", f"{mean.above_half:.3f}", str(len(steps)))
    out = Console(highlight=False, soft_wrap=True)
    out.print("A single step", style="bold")
    out.print(table)
    out.print("\n".join(NOTE), markup=False)


def write_steps(
    contender: Contender, steps: Figures, dataset: Dataset, command: str, output: Path
) -> None:
    """Writes `<tracker>/single_step.json` below a folder.

    Raises:
        InputError: The file cannot be written.
    """
    content = {
        "dataset": dataset.name,
        "split": dataset.split,
        "root": dataset.root,
        "tracker": contender.name,
        **contender.identity,
        "kernels": contender.kernels,
        "machine": processor_name(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "overall": mean_of(steps)._asdict(),
        "sequences": {name: step._asdict() for name, step in steps.items()},
    }
    folder = output / contender.name
    make_folder(folder)
    write_text(folder / "single_step.json", json.dumps(content, indent=2) + "\n")
