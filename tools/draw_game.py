"""Draws the adversarial game of one or more training runs, from the logs that they wrote."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rbsf.console import run_tool
from rbsf.errors import InputError
from rbsf.files.atomic import write_text
from rbsf.files.figure import save_figure

BLUE, VERMILION, GREY = "#0072b2", "#d55e00", "#666666"
"""Colours of Okabe and Ito, which readers with any kind of colour vision tell apart."""
STYLES = ((VERMILION, "-"), (BLUE, "--"), (GREY, ":"))
"""One for each run: the line differs as well as the colour."""

TAGS = {
    "epoch/map_distance": "map_distance",
    "grad/response": "grad_task",
    "grad/adversarial": "grad_adversarial",
    "d_right/real": "d_right_real",
    "d_right/fake": "d_right_fake",
}
"""What is read from a log, and the name of its column."""


class Curves(NamedTuple):
    """What one run has logged after each epoch.

    Attributes:
        name: The name of the run, which is that of its folder.
        steps: The steps that it had made.
        columns: A value for each of these steps, by the names in `TAGS`; NaN where there is none.
    """

    name: str
    steps: list[int]
    columns: dict[str, list[float]]


def draw_game(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="The folders of the runs, or one .csv that this tool has written. The first run "
            "is drawn whole."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help="The picture to write, .png, .svg or .pdf. The curves are put beside it as .csv."
        ),
    ],
) -> None:
    """Draws the adversarial game of one or more training runs, from the logs that they wrote.

    The first picture shows how strongly task and adversary pull at W, the second how often the
    discriminators are right, both of the first run. The third shows how far T's maps are from R's,
    in every run.

    Examples:

    `python tools/draw_game.py runs/with_g runs/without_g --output game.png`

    `python tools/draw_game.py docs/pictures/adversarial-game.csv --output game.pdf`
    """
    found = read_csv(runs[0]) if runs[0].suffix == ".csv" else [read_curves(run) for run in runs]
    write_text(output.with_suffix(".csv"), as_csv(found))
    save_figure(draw(found), output, dpi=150)
    typer.echo(output)


def read_curves(folder: Path) -> Curves:
    """Reads what a run has logged.

    Raises:
        InputError: The folder holds no log of a student's training.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder)).Reload()
    known = log.Tags()["scalars"]
    if "epoch/map_distance" not in known:
        raise InputError(f"{folder} holds no log of a student that was trained with a teacher")
    steps = [event.step for event in log.Scalars("epoch/map_distance")]
    columns = {}
    for tag, name in TAGS.items():
        found = {e.step: e.value for e in log.Scalars(tag)} if tag in known else {}
        columns[name] = [found.get(step, math.nan) for step in steps]
    return Curves(folder.name, steps, columns)


def as_csv(runs: list[Curves]) -> str:
    """One row for each run and epoch."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "step", *TAGS.values()])
    for run in runs:
        for row, step in enumerate(run.steps):
            values = [run.columns[name][row] for name in TAGS.values()]
            shown = ("" if math.isnan(value) else f"{value:.6g}" for value in values)
            writer.writerow([run.name, step, *shown])
    return text.getvalue()


def read_csv(file: Path) -> list[Curves]:
    """Reads what `as_csv` has written.

    Raises:
        InputError: The file cannot be read, or has other columns.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
        runs: dict[str, Curves] = {}
        for row in rows:
            empty = Curves(row["run"], [], {name: [] for name in TAGS.values()})
            run = runs.setdefault(row["run"], empty)
            run.steps.append(int(row["step"]))
            for name, values in run.columns.items():
                values.append(float(row[name] or "nan"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (KeyError, ValueError):
        raise InputError(f"{file} holds no curves of this tool") from None
    return list(runs.values())


def draw(runs: list[Curves]) -> Figure:
    """The three pictures side by side."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    pull, verdicts, distance = figure.subplots(1, 3)
    first = runs[0]
    _lines(pull, first, {"grad_task": "task", "grad_adversarial": "adversary"})
    pull.set_yscale("log")
    pull.set_title("norm of the gradient on W")
    verdicts.axhspan(0.6, 0.9, color=GREY, alpha=0.15, lw=0)
    _lines(verdicts, first, {"d_right_real": "on R (real)", "d_right_fake": "on T (fake)"})
    verdicts.set_ylim(0, 1)
    verdicts.set_title("share of D's verdicts that are right")
    for run, (color, line) in zip(runs, STYLES, strict=False):
        distance.plot(run.steps, run.columns["map_distance"], line, color=color, label=run.name)
    distance.set_title("distance of T's maps from R's")
    for axes in (pull, verdicts, distance):
        axes.set_xlabel("step")
        axes.legend(frameon=False, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _lines(axes: Axes, run: Curves, names: dict[str, str]) -> None:
    for (name, label), (color, line) in zip(names.items(), STYLES, strict=False):
        axes.plot(run.steps, run.columns[name], line, color=color, label=label)


if __name__ == "__main__":
    run_tool("python tools/draw_game.py", draw_game)
