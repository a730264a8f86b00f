"""Formulas of the documentation become MathML when the site is built: no script shows them."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</\1>', re.DOTALL
)


def on_page_content(page_html: str, **_: Any) -> str:
    """mkdocs calls this with the HTML that it made of a page's Markdown."""
    return _FORMULA.sub(_mathml, page_html)


def _mathml(found: re.Match[str]) -> str:
    latex = html.unescape(found["latex"]).strip()
    block = found[1] == "div"
    mathml = convert(latex, display="block" if block else "inline")
    if "\\" in html.unescape(mathml):
        raise ValueError(f"latex2mathml does not know all of the formula {latex}")
    return f'<div class="formula">{mathml}</div>' if block else mathml
