"""The report as one HTML page that needs no network, with PNG and PDF of each figure beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rbsf.files.atomic import make_folder, write_text

from ..lost_table import HEADINGS, NOTES, cells
from .bootstrap import RESAMPLES, Interval, mean_interval
from .colors import style_of, style_sheet_variables
from .compare import FIGURES, rivalries
from .errors import EXPLANATIONS, ErrorSources
from .figures.bars import attribute_rows, plot_bars, sequence_rows
from .figures.curves import PRECISION, SUCCESS, plot_curves
from .figures.reliability import plot_reliability
from .figures.sources import plot_sources
from .figures.speed import plot_speed
from .folders import Entry
from .gallery import gallery
from .origin import left_out, origins, speed_warning
from .study import Study
from .table import MEANINGS, headings, interval_text, number, rows
from .table import sequence_rows as sequence_table

PAGE = "report.html"

PROTOCOLS = {
    "ope": "one pass from the first frame",
    "sre": "SRE, from shifted and scaled first boxes",
    "tre": "TRE, from several frames on",
}

TITLES = {
    "otb": "OTB",
    "otb2013": "OTB2013",
    "otb50": "OTB50 (TB-50)",
    "otb100": "OTB100",
    "uav123": "UAV123",
    "got10k-val": "GOT-10k val",
    "lasot": "LaSOT",
    "nfs": "NfS",
    "dtb70": "DTB70",
    "vot-st": "VOT-ST",
    "absent": "generated tests of lost targets",
}
"""The benchmarks as their papers write them."""

METHOD = (
    "Differences are taken on each sequence and averaged. The intervals of 95% are a paired "
    f"bootstrap over the sequences, {RESAMPLES:,} resamples, seeded. A tracker is called better or "
    "worse only where its interval excludes zero. Each row is a test of its own: of twenty equal "
    "trackers, one is expected to look different."
)


def write_page(study: Study, output: Path, strips: Iterable[str] | None = None) -> Path:
    """Writes report.html and figures/ under `output`.

    Args:
        strips: The sequences whose frames are shown. By default those on which the tracker in
            focus does worst, as many as keep the page small.

    Returns:
        The page's path.

    Raises:
        InputError: An unknown sequence in `strips`, boxes or images that cannot be read, or a file
            that cannot be written.
    """
    figures = output / "figures"
    make_folder(figures)
    context = {
        **_head(study),
        **_tables(study),
        **_pictures(study, figures),
        **_lost(study, figures),
        **(gallery(study, figures / "strips", strips) if study.videos else {"strips": []}),
        "left_out": left_out(study),
        "origins": origins(study),
        "speed_warning": speed_warning(study),
    }
    write_text(output / PAGE, _render(context))
    return output / PAGE


def _render(context: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    )
    style_sheet = (folder / "page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(context, style_sheet=style_sheet) + "\n"


def _head(study: Study) -> dict[str, Any]:
    focus = study.focus
    cards = [
        _card("AO", mean_interval(study.values(focus, "ao"))),
        _card("success", mean_interval(study.values(focus, "success_auc"))),
        _card("precision at 20 px", mean_interval(study.values(focus, "precision_20px"))),
    ]
    fps = focus.results.overall.fps
    note = "" if fps else "not timed alone"
    cards.append({"heading": "fps", "value": f"{fps:.1f}" if fps else "-", "note": note})
    return {
        "title": f"{focus.name} on {TITLES.get(focus.results.dataset, focus.results.dataset)}",
        "data": f"{study.data}: {PROTOCOLS[focus.results.protocol]}.",
        "focus": focus.name,
        "cards": cards,
        "light": style_sheet_variables(dark=False),
        "dark": style_sheet_variables(dark=True),
        "trackers": [_tracker(study, index) for index in range(len(study.entries))],
    }


def _card(heading: str, interval: Interval) -> dict[str, str]:
    return {
        "heading": heading,
        "value": number(interval.mean),
        "note": interval_text(interval) or "one sequence",
    }


def _tracker(study: Study, index: int) -> dict[str, Any]:
    """The name and looks of a tracker in the strips; the best rival is shown from the beginning."""
    means = [mean_interval(study.values(entry, "ao")).mean for entry in study.entries]
    best_rival = max(range(1, len(means)), key=means.__getitem__, default=0)
    style = style_of(index)
    return {
        "name": study.entries[index].name,
        "color": f"var(--{style.shade.name})",
        "dashes": " ".join(f"{2 * dash:g}" for dash in style.dashes) or "none",
        "shown": index in (0, best_rival),
    }


def _tables(study: Study) -> dict[str, Any]:
    untimed = [o.name for o in study.entries if not o.results.overall.fps]
    notes = "Figures are means over sequences. In brackets is the interval of 95%, by a bootstrap."
    return {
        "headings": headings(study),
        "rows": rows(study),
        "meanings": MEANINGS,
        "notes": notes,
        "rivalries": rivalries(study),
        "compared": FIGURES,
        "method": METHOD,
        "signed": lambda i: f"[{i.low:+.3f}, {i.high:+.3f}]" if i.low == i.low else "",
        "sequence_table": sequence_table(study),
        "untimed": ", ".join(untimed),
    }


def _pictures(study: Study, folder: Path) -> dict[str, Any]:
    """Every figure; those that need the true boxes only where these are at hand."""
    attributes = attribute_rows(study)
    context: dict[str, Any] = {
        "speed": plot_speed(study, folder),
        "sequence_bars": plot_bars(
            study, sequence_rows(study), folder, "sequences", "AO of each sequence"
        ),
        "attribute_bars": None,
        "curves": [],
        "sources": None,
        "source_rows": [],
        "summary": "",
        "explanations": EXPLANATIONS,
    }
    if attributes:
        title = "AO by attribute (number of sequences)"
        context["attribute_bars"] = plot_bars(study, attributes, folder, "attributes", title)
    if study.videos:
        context["curves"] = [plot_curves(study, curve, folder) for curve in (SUCCESS, PRECISION)]
        found = [(entry.name, _sources(study, entry)) for entry in study.ranking]
        context["source_rows"] = found
        context["sources"] = plot_sources(found, folder)
        context["summary"] = dict(found)[study.focus.name].advice(study.focus.name)
    return context


def _lost(study: Study, folder: Path) -> dict[str, Any]:
    """What the trackers know of having lost their targets, where that was asked for."""
    asked = [(entry.name, entry.results.lost) for entry in study.entries]
    known = [(index, name, lost) for index, (name, lost) in enumerate(asked) if lost]
    return {
        "lost_rows": [[name, *cells(lost)] for _, name, lost in known],
        "lost_headings": HEADINGS,
        "lost_notes": " ".join(NOTES),
        "reliability": plot_reliability(known, folder) if known else None,
    }


def _sources(study: Study, entry: Entry) -> ErrorSources:
    """Where a tracker loses overlap, as a mean over starts and then over sequences."""
    return ErrorSources.mean(
        ErrorSources.mean(each.sources for each in study.passes(entry, name))
        for name in study.names
    )
