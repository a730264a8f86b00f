"""The paper's tables with our figures beside the paper's, from the folders of classifiers' runs.

A run's figures are those of its last epoch, in the header of last.safetensors. Runs that differ in
nothing but their seed share a cell, which shows their mean and their standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, write_text

from .latex import latex_table
from .paper_tables import (
    TABLE2,
    TABLE3,
    TABLE4,
    TABLE6,
    TABLE6_COLUMNS,
    TITLES,
    Data,
    Method,
    PaperCell,
    PaperTable,
    Wanted,
    stages_text,
)
from .table import markdown_table, percent

TABLES = (TABLE2, TABLE3, TABLE4)
DATA: tuple[Data, ...] = ("cifar100", "cifar10", "imagenet")
WEIGHTS: dict[str, Method] = {
    "bireal": "Bi",
    "xnor": "XNOR",
    "pcnn": "PCNN",
    "abcnet": "ABC-Net",
    "binarynet": "BinaryNet",
}
"""The paper's methods by the names of their weight binarizers, trained without guidance."""


class Run(NamedTuple):
    """A finished training: what it was, and its shares of right answers, 0 to 1."""

    data: Data
    architecture: str
    stages: tuple[int, ...]
    method: Method
    top1: float
    top5: float

    def answers(self, wanted: Wanted) -> bool:
        """Whether a cell asks for this run."""
        return self[:4] == wanted[:4]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Reads all runs of classifiers in these folders.

    Raises:
        InputError: A folder has no run, or one of its checkpoints is damaged.
    """
    from rbsf.files.checkpoint import load_checkpoint

    runs = []
    for folder in folders:
        files = sorted(folder.rglob("last.safetensors"))
        if not files:
            raise InputError(f"{folder} has no last.safetensors: give folders of trainings")
        found = (run_of(load_checkpoint(file).header) for file in files)
        runs += [run for run in found if run is not None]
    return runs


def run_of(header: dict[str, Any]) -> Run | None:
    """What a header says of a run. None if no table of the paper can have it."""
    config, metrics = header.get("config", {}), header.get("metrics", {})
    network, data = config.get("network"), config.get("data", {})
    method = _method(header.get("kind"), config)
    if network is None or method is None or not {"top1", "top5"} <= set(metrics):
        return None
    words = f"{data.get('kind', '')} {Path(data.get('root', '')).name}".lower().replace("-", "")
    name = next((name for name in DATA if name in words), None)
    if name is None:
        return None
    from rbsf.config import parse_settings
    from rbsf.nn import NetworkSettings
    from rbsf.nn.residual import STAGES

    settings = parse_settings(NetworkSettings, network, "the header")
    stages = settings.stages or STAGES[settings.architecture]
    return Run(name, settings.architecture, stages, method, metrics["top1"], metrics["top5"])


def _method(kind: str | None, config: dict[str, Any]) -> Method | None:
    if kind == "classifier":
        return "real"
    if kind != "binary_classifier" or config.get("feature_distillation"):
        return None
    guided = bool(config.get("adversarial_loss", {}).get("value"))
    passes = bool(config.get("norm_pass"))
    if config.get("weights") == "rbcn":
        by_parts: dict[tuple[bool, bool], Method] = {
            (False, False): "R",
            (True, False): "R+G",
            (True, True): "R+G+B",
        }
        return by_parts.get((guided, passes))
    return None if guided or passes else WEIGHTS.get(config.get("weights", ""))


def write_tables(runs: Sequence[Run], table6: Sequence[Sequence[str]], output: Path) -> str:
    """Writes table2, table3, table4 and table6, each as .md and .tex, and gives all markdown.

    What it gives ends with the runs for which the paper has no cell.

    Args:
        runs: The runs.
        table6: Our rows of Table 6, in the order of the paper's.
        output: The folder.

    Raises:
        InputError: A file cannot be written.
    """
    make_folder(output)
    texts = []
    for table in TABLES:
        groups = {"paper": table.columns, "measured": table.columns}
        rows = [
            [*labels, *_paper(table, cells), *_ours(cells, runs)] for labels, cells in table.rows
        ]
        notes = _missing(table, runs)
        texts.append(_write(table.number, table.title, table.labels, groups, rows, notes, output))
    groups = {"paper": TABLE6_COLUMNS, "counted here": TABLE6_COLUMNS}
    rows = [[name, *TABLE6[name], *ours] for name, ours in zip(TABLE6, table6, strict=True)]
    title = "Memory and FLOPs of ResNet-18 on 224 x 224 pixels"
    texts.append(_write(6, title, ("figure",), groups, rows, [], output))
    others = _others(runs)
    return "\n".join([*texts, others] if others else texts)


def _others(runs: Sequence[Run]) -> str:
    """A table in markdown of the runs for which the paper has no cell."""
    cells = [cell.wanted for table in TABLES for _, row in table.rows for cell in row]
    left = [run for run in runs if not any(run.answers(wanted) for wanted in cells)]
    rows = [["data", "network", "kernel stages", "method", "runs", "top-1", "top-5"]]
    for what in dict.fromkeys(run[:4] for run in left):
        same = [run for run in left if run[:4] == what]
        data, network, stages, method = what
        top1, top5 = percent([run.top1 for run in same]), percent([run.top5 for run in same])
        rows.append(
            [data, TITLES[network], stages_text(stages), method, str(len(same)), top1, top5]
        )
    return f"Runs that the paper has no cell for\n\n{markdown_table(rows)}\n" if left else ""


def _write(
    number: int,
    title: str,
    labels: Sequence[str],
    groups: dict[str, tuple[str, ...]],
    rows: Sequence[Sequence[str]],
    notes: Iterable[str],
    output: Path,
) -> str:
    headings = [*labels, *(f"{c}, {name}" for name, columns in groups.items() for c in columns)]
    lines = [f"Table {number}. {title}", "", markdown_table([headings, *rows]), ""]
    text = "\n".join([*lines, *notes]).rstrip() + "\n"
    write_text(output / f"table{number}.md", text)
    write_text(output / f"table{number}.tex", latex_table(labels, groups, [rows]) + "\n")
    return text


def _paper(table: PaperTable, cells: Sequence[PaperCell]) -> list[str]:
    return [f"{cell.value:.{table.digits}f}" for cell in cells]


def _ours(cells: Sequence[PaperCell], runs: Sequence[Run]) -> list[str]:
    return [_cell(cell.wanted, runs) for cell in cells]


def _cell(wanted: Wanted, runs: Sequence[Run]) -> str:
    shares = [getattr(run, wanted.figure) for run in runs if run.answers(wanted)]
    return percent(shares) if shares else ""


def _missing(table: PaperTable, runs: Sequence[Run]) -> list[str]:
    """A line that names the cells without a run."""
    empty = [
        ", ".join([*labels, column])
        for labels, cells in table.rows
        for column, cell in zip(table.columns, cells, strict=True)
        if not _cell(cell.wanted, runs)
    ]
    return [f"No run: {'; '.join(empty)}."] if empty else []
