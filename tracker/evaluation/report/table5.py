"""Table 5: what the paper reports, and the same figures measured here, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rbsf.files.atomic import make_folder, write_text

from ..readers.files import official_list
from .bootstrap import Interval, mean_interval
from .latex import latex_table
from .origin import left_out, origins
from .paper import TRACKERS, PaperBlock
from .study import Study
from .table import interval_text, markdown_table, number

NAMES = {"siamfc": "SiamFC", "xnor_sf": "XNOR-SF", "rbsf": "RB-SF", "rbsf_box": "RB-SF with boxes"}
"""What the shipped networks are called in the table. All others have the names of their files."""

FIRST = ("siamfc", "xnor_sf", "rbsf")
"""The measured columns that stand in the paper's order; others follow by name."""

LISTS = {"otb2013": "OTB-2013", "otb50": "TB-50"}
"""The lists of sequences that are called OTB50."""


@dataclass(frozen=True)
class Block:
    """The measurements that stand beside one benchmark of the paper.

    Attributes:
        paper: The paper's figures.
        data: What was measured, as in "OTB-2013, 6 of 51 sequences".
        study: The trackers on this data.
        names: Which of the study's sequences belong to the benchmark.
        frame_weighted: Whether the benchmark averages over frames: long sequences weigh more then.
    """

    paper: PaperBlock
    data: str
    study: Study
    names: tuple[str, ...]
    frame_weighted: bool = False

    def interval(self, tracker: str, figure: str) -> Interval | None:
        """A tracker's figure with its interval; None where it has none on this data."""
        entries = {entry.name: entry for entry in self.study.entries}
        if tracker not in entries or not self.names:
            return None
        sequences = entries[tracker].results.sequences
        values = [getattr(sequences[name], figure) for name in self.names]
        if not self.frame_weighted:
            return mean_interval(values)
        return mean_interval(values, [self._scored_frames(name) for name in self.names])

    def _scored_frames(self, name: str) -> int:
        """The number of frames after the first that have a true box."""
        first, *_ = self.study.passes(self.study.focus, name)
        return len(first.comparison.overlaps) - 1


def whole_block(
    paper: PaperBlock, study: Study, data: str, *, frame_weighted: bool = False
) -> Block:
    """All the sequences of a study beside a benchmark of the paper."""
    size = _size(study, len(study.names), study.focus.results.listed)
    return Block(paper, f"{data}, {size}", study, study.names, frame_weighted)


def listed_block(paper: PaperBlock, study: Study, list_name: str) -> Block:
    """Those sequences of a study that an official list names."""
    listed = {name for (name,) in official_list(list_name)}
    names = tuple(name for name in study.names if name in listed)
    size = _size(study, len(names), len(listed))
    return Block(paper, f"{LISTS[list_name]}, {size}", study, names)


def write_table5(blocks: Sequence[Block], output: Path) -> str:
    """Writes table5.md and table5.tex, and gives the first."""
    trackers = columns(blocks)
    text = f"{as_markdown(blocks, trackers)}\n\n{notes(blocks)}\n"
    make_folder(output)
    write_text(output / "table5.md", text)
    write_text(output / "table5.tex", as_latex(blocks, trackers) + "\n")
    return text


def columns(blocks: Sequence[Block]) -> list[str]:
    """Every tracker that was measured, the paper's first."""
    names = dict.fromkeys(entry.name for block in blocks for entry in block.study.entries)
    known = [name for name in FIRST if name in names]
    return [*known, *sorted(name for name in names if name not in FIRST)]


def as_markdown(blocks: Sequence[Block], trackers: Sequence[str]) -> str:
    """The table in markdown; `trackers` are the measured columns."""
    headings = [*(f"{name}, paper" for name in TRACKERS), *map(_title, trackers)]
    table = [["data", "figure", *headings]]
    for block in blocks:
        for row in block.paper.rows:
            measured = [_cell(block.interval(name, row.figure)) for name in trackers]
            title = f"{block.paper.title} (here {block.data})"
            table.append([title, row.heading, *map(number, row.values), *measured])
    return markdown_table(table)


def as_latex(blocks: Sequence[Block], trackers: Sequence[str]) -> str:
    r"""The table in LaTeX; the document needs `\usepackage{booktabs}`."""
    groups = {"paper": list(TRACKERS), "measured": [_title(name) for name in trackers]}
    parts = []
    for block in blocks:
        parts.append(
            [
                [
                    block.paper.title if place == 0 else f"({block.data})",
                    row.heading,
                    *map(number, row.values),
                    *(_cell(block.interval(name, row.figure)) for name in trackers),
                ]
                for place, row in enumerate(block.paper.rows)
            ]
        )
    return latex_table(["data", "figure"], groups, parts)


def notes(blocks: Sequence[Block]) -> str:
    """What the figures are and where they come from."""
    lines = [
        "In brackets is the interval of 95%, by a bootstrap over the sequences. On OTB and UAV123, "
        "SR is the area under the success curve and precision is at 20 pixels. On GOT-10k, SR is "
        "the share of frames with an overlap above .5, and both figures are means over frames. The "
        "paper's figures are of whole benchmarks.",
    ]
    for origin in origins(blocks[0].study):
        facts = "; ".join(f"{term}: `{text}`" for term, text in origin["facts"].items())
        lines.append(f"- {origin['names']}: {facts}")
    studies = {block.study.focus.results.dataset: block.study for block in blocks}
    for dataset, study in studies.items():
        lines += [f"- {dataset}, left out: {line}" for line in left_out(study)]
    return "\n".join(lines)


def _size(study: Study, measured: int, listed: int) -> str:
    frames = study.focus.results.max_frames
    cut = f", first {frames} frames" if frames else ""
    return f"{measured} of {listed} sequences{cut}"


def _title(name: str) -> str:
    return NAMES.get(name, name)


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{number(interval.mean)} {interval_text(interval)}".strip()
