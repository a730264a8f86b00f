"""The page of the rooms is what the imports in the source say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from rbsf.errors import InputError

ROOT = Path(__file__).parents[2]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_rooms", ROOT / "tools/draw_rooms.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rooms = load_tool()


def write(root: Path, name: str, text: str = "") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "rbsf/__init__.py", "from rbsf.low.one import thing\n")
    write(tmp_path, "rbsf/errors.py")
    write(tmp_path, "rbsf/low/__init__.py")
    write(tmp_path, "rbsf/low/one.py", "import numpy\nfrom rbsf.errors import InputError\n")
    write(tmp_path, "tracker/__init__.py")
    write(tmp_path, "tracker/high/__init__.py")
    write(tmp_path, "tracker/high/two.py", "def f():\n    from rbsf.low import one\n")
    write(
        tmp_path,
        "tracker/middle.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rbsf.low\n"
        "from .high.two import f\n",
    )
    return tmp_path


def test_the_page_is_up_to_date():
    committed = (ROOT / "docs/rooms.md").read_text(encoding="utf-8")
    assert committed == rooms.rooms_page(ROOT), "run python tools/draw_rooms.py"


def test_arrows_follow_imports(project: Path):
    early, late = rooms.find_arrows(project)
    assert early["rbsf"] == {"rbsf/low"}
    assert early["rbsf/low"] == {"rbsf/basics"}
    assert early["tracker/middle"] == {"tracker/high"}, "relative; and not for types alone"
    assert early["tracker/high"] == set() and late["tracker/high"] == {"rbsf/low"}


def test_arrows_that_follow_from_others_are_left_out():
    arrows = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert rooms.reduced(arrows) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert rooms.floors(arrows) == {"a": 2, "b": 1, "c": 0}


def test_a_circle_is_named():
    with pytest.raises(InputError, match="circle: a, b"):
        rooms.floors({"a": {"b"}, "b": {"a"}, "c": {"a"}})


def test_no_two_rooms_share_a_place():
    early, _ = rooms.find_arrows(ROOT)
    found = rooms.places(early)
    assert len(set(found.values())) == len(found)
