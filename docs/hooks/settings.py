"""Tables of settings, read from the classes that define them: `[[settings FILE CLASS]]` in a page.

The source is read without being imported, so that the site builds without torch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
_TABLE = re.compile(r"^\[\[settings (?P<file>\S+) (?P<name>\w+)\]\]$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs calls this with the Markdown of a page."""
    return _TABLE.sub(lambda found: settings_table(found["file"], found["name"]), markdown)


class Setting(NamedTuple):
    """One line of a table, each cell as Markdown."""

    name: str
    default: str
    values: str
    meaning: str


def settings_table(file: str, name: str) -> str:
    """The table of a class of settings.

    Raises:
        ValueError: The file has no such class.
    """
    classes = {n.name: n for n in _parse(ROOT / file).body if isinstance(n, ast.ClassDef)}
    if name not in classes:
        raise ValueError(f"{file} has no class {name}: a table of settings names it")
    rows = [f"| {' | '.join(setting)} |" for setting in _settings(classes[name])]
    return "\n".join(["| setting | default | values | meaning |", "|---|---|---|---|", *rows])


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _settings(node: ast.ClassDef) -> Iterator[Setting]:
    for field, after in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            arguments = _arguments(field.value)
            meaning = _text(after) or arguments.get("description", "").strip("'\"")
            default = _default(arguments.get("default", "required"))
            values = _values(field.annotation, arguments)
            yield Setting(f"`{field.target.id}`", default, values, _sentence(meaning))


def _default(source: str) -> str:
    """A default as YAML has it; none for a group of settings that has its own."""
    made = re.fullmatch(r"\w+\((.*)\)", source)
    plain = (f"{{{made[1].replace('=', ': ')}}}" if made else source).replace("'", "")
    if plain == "{}":
        return ""
    return f"`{ {'None': 'null', 'True': 'true', 'False': 'false'}.get(plain, plain) }`"


def _arguments(value: ast.expr | None) -> dict[str, str]:
    """What `Field(...)` is given, as source text; `default` is the first argument or the value."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "Field"):
        return {} if value is None else {"default": ast.unparse(value)}
    named = {word.arg: ast.unparse(word.value) for word in value.keywords if word.arg}
    return {**({"default": ast.unparse(value.args[0])} if value.args else {}), **named}


def _text(node: ast.AST) -> str:
    """The docstring of a field, which stands below it."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""


def _sentence(text: str) -> str:
    text = text.replace("|", "\\|").strip(". ")
    return text and text[0].upper() + text[1:] + "."


def _values(annotation: ast.expr, arguments: dict[str, str]) -> str:
    kind = ast.unparse(annotation)
    several = re.fullmatch(r"tuple\[(.+), \.\.\.\]", kind)
    if several:
        return f"a list of {_one_value(several[1])}"
    limits = [
        f"{word} {arguments[key].removesuffix('.0')}"
        for key, word in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
        if key in arguments
    ]
    return ", ".join(limits) or _one_value(kind)


def _one_value(kind: str) -> str:
    choices = re.search(r"Literal\[(.*?)\]", _aliases().get(kind, kind))
    if choices:
        return ", ".join(f"`{choice.strip(chr(39))}`" for choice in choices[1].split(", "))
    if kind.endswith("Settings") or kind == "Decaying":
        return f"[{kind}](#{kind.lower()})"
    known = {"bool": "`true`, `false`", "str": "text", "str | None": "text or null"}
    return known.get(kind, kind)


def _aliases() -> dict[str, str]:
    """Every `Name = Literal[...]` of the network's modules."""
    return {
        node.targets[0].id: ast.unparse(node.value)
        for file in (ROOT / "rbsf").rglob("*.py")
        for node in _parse(file).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and ast.unparse(node.value).startswith("Literal[")
    }
