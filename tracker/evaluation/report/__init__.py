"""What evaluations found, as a page, figures and tables, made from their result folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rbsf.files.atomic import make_folder, remove_remains

from .folders import read_entries
from .page import write_page
from .pool import write_pool
from .study import make_study
from .text import write_markdown

__all__ = ["write_pool", "write_report"]


def write_report(
    folders: Sequence[Path],
    output: Path,
    focus: str | None = None,
    root: Path | None = None,
    strips: Iterable[str] | None = None,
) -> Path:
    """Writes report.html, report.md and figures/ for one or several result folders.

    Args:
        folders: Each was given to `rbsf evaluate --output`, or is a tracker's folder in such a one.
            All must be of the same data and protocol.
        output: The folder to write to.
        focus: The tracker that the report is about. None takes this project's, or the first.
        root: The data set's folder, if it is no longer where it was evaluated.
        strips: The sequences whose frames are shown. None takes those that went worst.

    Returns:
        The page's path.

    Raises:
        InputError: The results cannot be read or compared, or a file cannot be written.
    """
    study = make_study(read_entries(folders), focus, root)
    make_folder(output)
    remove_remains(output)
    write_markdown(study, output)
    return write_page(study, output, strips)
