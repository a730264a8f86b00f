"""The model card's table of files: their sizes and hashes, brought up to date."""

from __future__ import annotations

import re
from pathlib import Path

from rbsf.errors import InputError
from rbsf.files.atomic import write_text
from rbsf.files.hashing import file_sha256

ROW = re.compile(
    r"^(?P<head>\| `(?P<name>[\w.]+)` \|.*\| )[\d,]+ bytes \| `[0-9a-f]{64}` \|$", re.MULTILINE
)
"""A row of the table: the file's name first, its size and its SHA-256 last."""


def update_card(card: Path) -> list[str]:
    """Writes the sizes and hashes of the files beside a model card into its table.

    Args:
        card: The card, a Markdown file. Only rows that name a file, its size and its hash change.

    Returns:
        The names of the files whose row has changed.

    Raises:
        InputError: The card cannot be read or written, or names a file that does not exist.
    """
    changed: list[str] = []

    def row(found: re.Match[str]) -> str:
        file = card.parent / found["name"]
        if not file.is_file():
            raise InputError(f"{card} names {file.name}, which does not exist: make it first")
        line = f"{found['head']}{file.stat().st_size:,} bytes | `{file_sha256(file)}` |"
        if line != found[0]:
            changed.append(file.name)
        return line

    try:
        text = card.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {card}: {error.strerror}") from None
    new = ROW.sub(row, text)
    if changed:
        write_text(card, new)
    return changed
