"""Draws the rooms of the project and the arrows between them, from the imports in its code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from rbsf.console import run_tool
from rbsf.errors import InputError
from rbsf.files.atomic import write_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rooms.md"
PACKAGES = ("rbsf", "tracker")
BASICS = ("errors", "extras", "geometry", "config", "console", "cores")
"""Files directly in rbsf/ that all rooms share: one room, so that the picture stays readable."""

Arrows = dict[str, set[str]]
"""For each room, the rooms that it imports from."""


def draw_rooms(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page is out of date.")
    ] = False,
    output: Annotated[Path, typer.Option(help="The page to write.")] = PAGE,
) -> None:
    """Draws the rooms of the project and the arrows between them, from the imports in its code.

    A room is a folder of `rbsf/` or `tracker/`, or a file that lies directly in one of them. The
    page holds a drawing and a table. Imports that only a type checker sees are left out.

    Examples:

    `python tools/draw_rooms.py`

    `python tools/draw_rooms.py --check`
    """
    page = rooms_page(ROOT)
    if check:
        if not output.is_file() or output.read_text(encoding="utf-8") != page:
            raise InputError(f"{output} is out of date: run python tools/draw_rooms.py")
        return
    write_text(output, page)
    typer.echo(output)


# ---------------------------------------------------------------------------- what imports what


class Import(NamedTuple):
    """One import: the importing file and the module that it names, both as dotted modules."""

    importer: str
    imported: str
    late: bool
    """It stands in a function, so it happens only when that function runs."""


def read_imports(root: Path) -> Iterator[Import]:
    """Every import of the project's own modules, except those for a type checker alone."""
    for file in _source_files(root):
        module = _dotted(file, root)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node, late in _statements(tree, late=False):
            for name in _modules_named(node, module):
                if name.split(".")[0] in PACKAGES:
                    yield Import(module, name, late)


def _source_files(root: Path) -> list[Path]:
    return sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))


def _dotted(file: Path, root: Path) -> str:
    """A file's module, as `rbsf.engine.pack`."""
    return ".".join(file.relative_to(root).with_suffix("").parts)


def _statements(node: ast.AST, late: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All import statements below a node, each with whether it stands in a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late
        inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _statements(child, inside)


def _modules_named(node: ast.AST, importer: str) -> list[str]:
    """The modules that an import names: `from a import b` may name the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    above = importer.split(".")[: -node.level] if node.level else []
    module = ".".join([*above, *filter(None, [node.module])])
    return [f"{module}.{alias.name}" for alias in node.names]


def room_of(module: str, root: Path) -> str:
    """The room of a module, as "rbsf/engine"; "rbsf" is the package's own front door."""
    package, *rest = module.split(".")
    if rest and (root / package / rest[0]).is_dir():
        return f"{package}/{rest[0]}"
    if rest and (root / package / f"{rest[0]}.py").is_file():
        name = rest[0]
        doors = ("__init__", "__main__", "tracking")
        shared = package == "rbsf" and name in BASICS
        return "rbsf/basics" if shared else package if name in doors else f"{package}/{name}"
    return package


def find_arrows(root: Path) -> tuple[Arrows, Arrows]:
    """The arrows of imports at start, and those of imports that happen later alone."""
    early: Arrows = {}
    late: Arrows = {}
    for file in _source_files(root):
        early.setdefault(room_of(_dotted(file, root), root), set())
    for found in read_imports(root):
        here, there = room_of(found.importer, root), room_of(found.imported, root)
        if here != there:
            (late if found.late else early).setdefault(here, set()).add(there)
    only_late = {room: late.get(room, set()) - early[room] for room in early}
    return early, only_late


# ---------------------------------------------------------------------------- floors and places


def reach(room: str, arrows: Mapping[str, Iterable[str]]) -> set[str]:
    """Every room that can be reached from one along arrows."""
    found: set[str] = set()
    open_rooms = [room]
    while open_rooms:
        for below in arrows.get(open_rooms.pop(), ()):
            if below not in found:
                found.add(below)
                open_rooms.append(below)
    return found


def reduced(arrows: Arrows) -> Arrows:
    """The arrows without those that follow from others."""
    return {
        room: {b for b in below if not any(b in reach(other, arrows) for other in below - {b})}
        for room, below in arrows.items()
    }


def floors(arrows: Arrows) -> dict[str, int]:
    """The floor of each room: 0 for those that import from no other, else one above all of these.

    Raises:
        InputError: The rooms import from each other in a circle.
    """
    circle = sorted(room for room in arrows if room in reach(room, arrows))
    if circle:
        raise InputError(f"these rooms import from each other in a circle: {', '.join(circle)}")
    done: dict[str, int] = {}
    while len(done) < len(arrows):
        for room, below in arrows.items():
            if room not in done and below <= done.keys():
                done[room] = 1 + max((done[b] for b in below), default=-1)
    return done


SLOTS = 6
"""Places on a floor: the left half is for rbsf/, the right half for tracker/."""


def places(arrows: Arrows) -> dict[str, tuple[int, int]]:
    """(slot, floor) of each room, chosen so that arrows are short and pass behind few rooms."""
    found: dict[str, tuple[int, int]] = {}
    level = floors(arrows)
    for room in sorted(arrows):
        taken = {slot for slot, floor in found.values() if floor == level[room]}
        found[room] = (next(s for s in _slots(room) if s not in taken), level[room])
    for _ in range(20):
        before = dict(found)
        for room in sorted(arrows):
            found = min(_moves(found, room), key=lambda f: _cost(f, arrows))
        if found == before:
            break
    return found


def _slots(room: str) -> range:
    half = SLOTS // 2
    return range(half) if room.split("/")[0] == "rbsf" else range(half, SLOTS)


def _moves(found: dict[str, tuple[int, int]], room: str) -> Iterator[dict[str, tuple[int, int]]]:
    """The places with one room moved within its half, changing places with who was there."""
    yield found
    slot, floor = found[room]
    for other in _slots(room):
        who = {place: name for name, place in found.items()}.get((other, floor))
        yield {**found, room: (other, floor), **({who: (slot, floor)} if who else {})}


def _cost(found: dict[str, tuple[int, int]], arrows: Arrows) -> float:
    lines = [(found[room], found[below]) for room in arrows for below in arrows[room]]
    length = sum(abs(a[0] - b[0]) for a, b in lines)
    behind = sum(_passes(a, b, place) for a, b in lines for place in found.values())
    return length + 6 * behind


def _passes(a: tuple[int, int], b: tuple[int, int], place: tuple[int, int]) -> bool:
    """Whether the line from a down to b passes behind the room at a place between them."""
    if not b[1] < place[1] < a[1]:
        return False
    share = (a[1] - place[1]) / (a[1] - b[1])
    return abs(a[0] + share * (b[0] - a[0]) - place[0]) < 0.55


# ---------------------------------------------------------------------------- the page

WIDE, HIGH = 118, 74
"""Pixels from slot to slot and from floor to floor."""
BOX = (102, 36)
GROUND = "rbsf/basics"


def rooms_page(root: Path) -> str:
    """The page: a drawing, then a table.

    Raises:
        InputError: The rooms import from each other in a circle.
    """
    early, late = find_arrows(root)
    floors(_joined(early, late))
    return f"""<!-- Made by `python tools/draw_rooms.py`; a test fails where it is out of date. -->
<figure class="wide rooms" markdown="0">
{_drawing(early, late)}
</figure>

An arrow means *imports from*. A dashed one is an import that happens inside a function, when that
function is called. Arrows that follow from others are left out, and so are those to `basics`, which
every room may use.

{_table(root, early, late)}
"""


def _joined(early: Arrows, late: Arrows) -> Arrows:
    return {room: early[room] | late[room] for room in early}


def _drawing(early: Arrows, late: Arrows) -> str:
    arrows = reduced({room: b - {GROUND} for room, b in _joined(early, late).items()})
    del arrows[GROUND]
    found = places(arrows)
    top = max(floor for _, floor in found.values())
    width, height = SLOTS * WIDE + 8, (top + 2) * HIGH + 34
    lines = [
        _arrow(_middle(found[room], top), _middle(found[below], top), below not in early[room])
        for room in sorted(arrows)
        for below in sorted(arrows[room])
    ]
    boxes = [_box(room, *_middle(place, top)) for room, place in sorted(found.items())]
    return "\n".join(
        [
            f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Rooms and arrows">',
            *_halves(width, height),
            *lines,
            *boxes,
            _ground(width, height),
            "</svg>",
        ]
    )


def _middle(place: tuple[int, int], top: int) -> tuple[float, float]:
    slot, floor = place
    return 4 + WIDE * (slot + 0.5), 34 + HIGH * (top - floor + 0.5)


def _halves(width: int, height: int) -> Iterator[str]:
    half, bottom = width / 2, height - HIGH
    for package, left in (("rbsf", 0.0), ("tracker", half)):
        x, y = left + 2, bottom
        yield f'<rect class="half {package}" x="{x:g}" y="2" width="{half - 4:g}" height="{y:g}"/>'
        yield f'<text class="name" x="{left + half / 2:g}" y="24">{package}/</text>'


def _box(room: str, x: float, y: float) -> str:
    package, _, name = room.partition("/")
    (w, h), label = BOX, escape(name or f"import {package}")
    return (
        f'<rect class="room {package}" x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w}" '
        f'height="{h}"/><text x="{x:g}" y="{y + 5:g}">{label}</text>'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float], dashed: bool) -> str:
    """A curve from the lower side of a room to the upper side of one below, with its head."""
    (x1, y1), (x2, y2) = (start[0], start[1] + BOX[1] / 2), (end[0], end[1] - BOX[1] / 2 - 5)
    bend = min(30.0, (y2 - y1) / 2)
    path = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    head = f"M{x2 - 4:g} {y2 - 3:g}L{x2:g} {y2 + 4:g}L{x2 + 4:g} {y2 - 3:g}z"
    kind = "arrow late" if dashed else "arrow"
    return f'<path class="{kind}" d="{path}"/><path class="head" d="{head}"/>'


def _ground(width: int, height: int) -> str:
    y, text = height - HIGH + 16, "basics: " + " · ".join(BASICS)
    return (
        f'<rect class="room rbsf" x="3" y="{y}" width="{width - 6}" height="{BOX[1]}"/>'
        f'<text x="{width / 2:g}" y="{y + 23}">{text}</text>'
    )


def _table(root: Path, early: Arrows, late: Arrows) -> str:
    level = floors(_joined(early, late))
    rows = ["| room | what it holds | files | imports from |", "|---|---|---|---|"]
    for room in sorted(early, key=lambda r: (r.split("/")[0], level[r], r)):
        below = sorted(f"`{b}`" for b in early[room]) + sorted(f"*`{b}`*" for b in late[room])
        files = ", ".join(f"`{name}`" for name in _files(room, root))
        rows.append(f"| `{room}` | {_purpose(room, root)} | {files} | {', '.join(below)} |")
    return "\n".join(rows)


def _files(room: str, root: Path) -> list[str]:
    if room == GROUND:
        return list(BASICS)
    folder = root / room
    if not folder.is_dir() or "/" not in room:
        return []
    inner = sorted(f"{file.parent.name}/" for file in folder.glob("[!_]*/__init__.py"))
    return [*sorted(file.stem for file in folder.glob("[!_]*.py")), *inner]


def _purpose(room: str, root: Path) -> str:
    """The first sentence of a room's docstring."""
    if room == GROUND:
        return "What every room may use: errors, boxes and crops, settings, the console."
    path = root / room
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.split(". ")[0].rstrip(".") + "." if first else ""


if __name__ == "__main__":
    run_tool("python tools/draw_rooms.py", draw_rooms)
