"""A table in LaTeX with booktabs' rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Row = Sequence[str]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "_&%$#{}"},
}


def latex_table(labels: Row, groups: Mapping[str, Row], parts: Sequence[Sequence[Row]]) -> str:
    """A tabular with a heading above each group of columns and a rule between the parts.

    Args:
        labels: The headings of the first columns, which are set left.
        groups: The headings of the other columns, by the name that stands above them.
        parts: The rows, in plain text. What follows a first space in a number is set smaller.
    """
    count = sum(map(len, groups.values()))
    above, rules, column = [], [], len(labels) + 1
    for name, headings in groups.items():
        above.append(rf"\multicolumn{{{len(headings)}}}{{c}}{{{escape(name)}}}")
        rules.append(rf"\cmidrule(lr){{{column}-{column + len(headings) - 1}}}")
        column += len(headings)
    lines = [
        rf"\begin{{tabular}}{{{'l' * len(labels)}{'c' * count}}}",
        r"\toprule",
        _line([*[""] * len(labels), *above]),
        " ".join(rules),
        _line([*map(escape, labels), *(escape(h) for group in groups.values() for h in group)]),
    ]
    for rows in parts:
        lines.append(r"\midrule")
        for row in rows:
            words, numbers = row[: len(labels)], row[len(labels) :]
            lines.append(_line([*map(escape, words), *map(_number, numbers)]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def escape(text: str) -> str:
    """Text with LaTeX's special characters made harmless."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def _number(text: str) -> str:
    value, _, interval = text.partition(" ")
    return rf"{value} {{\scriptsize {interval}}}" if interval else value.replace("-", "--")


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
