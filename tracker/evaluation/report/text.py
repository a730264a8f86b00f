"""The report as text: report.md beside the page."""

from __future__ import annotations

from pathlib import Path

from rbsf.files.atomic import write_text

from ..lost_table import HEADINGS, NOTES, cells
from .compare import rivalries
from .origin import left_out, origins
from .study import Study
from .table import headings, markdown_table, rows, sequence_rows


def write_markdown(study: Study, output: Path) -> None:
    """Writes report.md: the table, the verdicts, each sequence, and where it all comes from."""
    parts = [
        f"# {study.focus.name} on {study.data}",
        markdown_table([headings(study), *rows(study)]),
        "Figures are means over sequences. In brackets is the interval of 95%, by a bootstrap.",
    ]
    verdicts = [f"- {rivalry.sentence}" for rivalry in rivalries(study)]
    if verdicts:
        parts += [f"## Compared with {study.focus.name}", "\n".join(verdicts)]
    lost = [[o.name, *cells(o.results.lost)] for o in study.entries if o.results.lost]
    if lost:
        table = markdown_table([HEADINGS, *lost])
        parts += ["## Knowing when the target is lost", table, " ".join(NOTES)]
    parts += ["## AO of each sequence", markdown_table(sequence_rows(study))]
    missing = [f"- {line}" for line in left_out(study)]
    if missing:
        parts += ["## Left out", "\n".join(missing)]
    parts.append("## Where the figures come from")
    for origin in origins(study):
        facts = "; ".join(f"{term}: `{text}`" for term, text in origin["facts"].items())
        parts.append(f"{origin['names']}: {facts}")
    write_text(output / "report.md", "\n\n".join(parts) + "\n")
