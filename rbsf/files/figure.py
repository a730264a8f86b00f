"""Writes the figures of matplotlib, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbsf.files.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, file: Path, **options: Any) -> None:
    """Writes a figure in the format of the file's suffix.

    It is drawn in memory first, because matplotlib's PDF writer breaks down on a full disk.

    Args:
        figure: The figure.
        file: The file to write.
        options: What matplotlib's `savefig` takes besides.

    Raises:
        InputError: The file cannot be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file.suffix[1:], **options)
    write_bytes(file, buffer.getvalue())
