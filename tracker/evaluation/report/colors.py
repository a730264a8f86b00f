"""Colours that colour-blind people can tell apart, with a line style and a marker for each tracker.

The hues are those of M. Okabe and K. Ito's "Color Universal Design" (2008). Their yellow is left
out because a line of it cannot be seen on white. No figure tells trackers apart by colour alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Shade(NamedTuple):
    """A colour on a light and on a dark page; `name` is its variable in the style sheet."""

    name: str
    light: str
    dark: str


class Style(NamedTuple):
    """How one tracker is drawn in every figure."""

    shade: Shade
    dashes: tuple[float, ...]
    marker: str

    @property
    def line(self) -> Any:
        """The line style as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "solid"


INK = Shade("ink", "#1b1f24", "#e8eaed")
MUTED = Shade("muted", "#5c6470", "#a3abb5")
GRID = Shade("grid", "#dfe3e8", "#363b42")
PAPER = Shade("paper", "#fefefe", "#15181c")
FAINT = Shade("faint", "#b9c0c9", "#5a626c")

_HUES = (
    Shade("vermilion", "#d55e00", "#f0752a"),
    Shade("blue", "#0072b2", "#4aa3e0"),
    Shade("green", "#009e73", "#19b98c"),
    Shade("purple", "#cc79a7", "#dc92bb"),
    Shade("sky", "#56b4e9", "#94d2f7"),
    Shade("orange", "#e69f00", "#f2b632"),
    INK,
)
_DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 1.5),
    (1, 1.2),
    (6, 1.5, 1, 1.5),
    (3, 1.2),
    (6, 1.2, 1, 1.2, 1, 1.2),
    (9, 2),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

SHADES = (INK, MUTED, GRID, PAPER, FAINT, *_HUES[:-1])
"""Every colour that the page and its figures use."""

CENTER, SIZE, AWAY = _HUES[1], _HUES[5], FAINT
"""The parts of the missing overlap: beside the target, of another size, and off the target."""


def style_of(index: int) -> Style:
    """The style of the tracker in this place; the one in focus has 0.

    Beyond seven trackers the colours come again with other line styles and markers.
    """
    turn = index // len(_HUES)
    return Style(
        _HUES[index % len(_HUES)],
        _DASHES[(index + turn) % len(_DASHES)],
        _MARKERS[index % len(_MARKERS)],
    )


def style_sheet_variables(*, dark: bool) -> str:
    """The colours as custom properties of CSS."""
    return " ".join(f"--{s.name}: {s.dark if dark else s.light};" for s in SHADES)
