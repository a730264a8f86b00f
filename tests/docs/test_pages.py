"""What the pages say holds: commands exist, examples run, shown output is real, links lead on."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import read_packed
from tracker.commands import export

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FILES = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")]
FUNCTIONS = {
    ("track",): "track",
    ("demo",): "demo",
    ("evaluate",): "evaluate",
    ("report",): "report",
    ("table5",): "table5",
    ("tables",): "tables",
    ("summary",): "summary",
    ("ablate",): "ablate",
    ("check-dataset",): "check_dataset",
    ("cache",): "cache",
    ("export",): "export",
    ("benchmark",): "benchmark",
    ("benchmark", "train"): "train",
    ("benchmark", "classify"): "classify",
    ("train", "siamfc"): "siamfc",
    ("train", "rbsf"): "rbsf",
    ("train", "classifier"): "classifier",
}


class Block(NamedTuple):
    """A code block of a page."""

    file: Path
    text: str


def blocks(language: str) -> Iterator[Block]:
    for file in [*PAGES, *FILES]:
        for found in re.finditer(rf"^```{language}\n(.*?)^```", file.read_text(), re.M | re.S):
            yield Block(file, found[1])


def commands() -> list[tuple[str, str]]:
    """Every shown command with the page that shows it, continued lines joined."""
    return [
        (block.file.name, line.split(" #")[0].strip())
        for block in blocks("sh")
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.strip()
    ]


def options(words: tuple[str, ...]) -> set[str]:
    """Every option of an `rbsf` command."""
    module = importlib.import_module(f"tracker.commands.{words[0].replace('-', '_')}")
    app = typer.Typer(add_completion=False)
    app.command()(getattr(module, FUNCTIONS[words]))
    return {name for param in typer.main.get_command(app).params for name in param.opts}


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_shown_command_exists(page: str, command: str):
    program, *words = shlex.split(command)
    if program == "make":
        assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text()
    elif program == "rbsf":
        name = next(key for key in (tuple(words[:2]), tuple(words[:1])) if key in FUNCTIONS)
        assert {word for word in words if word.startswith("--")} <= options(name)
    else:
        assert (program, words[0]) == ("pip", "install"), f"no test knows {command!r} of {page}"


EXTRAS = sorted({name for page in PAGES for name in re.findall(r"\.\[(\w+)\]", page.read_text())})


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_shown_extra_exists(extra: str):
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.M)


@pytest.mark.parametrize("block", list(blocks("python")), ids=lambda block: block.file.stem)
def test_a_shown_program_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block.file), "exec"), {})


def test_the_shown_layers_are_those_of_the_shipped_file(capsys: pytest.CaptureFixture[str]):
    export._show(read_packed(SHIPPED_RBSF))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    shown = (ROOT / "docs/inspect.txt").read_text().splitlines()
    assert shown == lines[: len(shown)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_links_lead_to_files(file: Path):
    for link in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("page", [*PAGES, *FILES], ids=lambda file: file.name)
def test_files_named_in_the_text_exist(page: Path):
    if page.name == "rooms.md":
        pytest.skip("it names rooms, and is made from the files")
    named = re.findall(
        r"`((?:rbsf|tracker|tools|tests|configs|docs)/[\w/.]*\w/?)`", page.read_text()
    )
    assert not [name for name in named if not (ROOT / name).exists()]


TABLE = r"^\[\[settings (\S+) (\w+)\]\]$"


def settings_tables() -> list[tuple[str, str]]:
    return sorted({m for page in PAGES for m in re.findall(TABLE, page.read_text(), re.M)})


@pytest.mark.parametrize(("file", "name"), settings_tables())
def test_every_setting_says_what_it_is(file: str, name: str):
    table = runpy.run_path(str(ROOT / "docs/hooks/settings.py"))["settings_table"](file, name)
    assert not [row for row in table.splitlines() if row.endswith("|  |")]
