"""The walls between the rooms: who may import whom, read from the imports in the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rbsf.extras import EXTRA_OF

ROOT = Path(__file__).parents[1]

LAZY = {"rbsf/tracking.py"}
"""The one file of rbsf that knows of the tracker: it finds it for `rbsf.Tracker`, when asked."""

FORBIDDEN = {
    "rbsf": ("tracker",),
    "tracker/loop": (
        "tracker.video",
        "tracker.output",
        "tracker.evaluation",
        "tracker.benchmark",
        "tracker.commands",
        "tracker.session",
    ),
    "tracker/video": ("tracker.loop", "tracker.output", "tracker.session", "tracker.evaluation"),
    "tracker/output": ("tracker.session", "tracker.evaluation", "tracker.benchmark"),
    "tracker/evaluation": ("tracker.ablation", "tracker.benchmark", "tracker.commands"),
    "tracker/ablation": ("tracker.benchmark", "tracker.commands"),
    "rbsf/nn": ("rbsf.files", "rbsf.data", "rbsf.train", "rbsf.engine"),
    "rbsf/binarize": ("rbsf.nn", "rbsf.files", "rbsf.data", "rbsf.train", "rbsf.engine"),
    "rbsf/engine": ("rbsf.train", "rbsf.data"),
}


def imports(file: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, at its top or inside a function."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_looks_through_a_wall(room: str):
    files = [f for f in (ROOT / room).rglob("*.py") if str(f.relative_to(ROOT)) not in LAZY]
    assert files
    seen = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imports(file)
        for wall in FORBIDDEN[room]
        if f"{name}.".startswith(f"{wall}.")
    ]
    assert not seen


def test_inside_the_tracker_imports_are_relative():
    """A user's own `tracker.py` must not get between our modules."""
    seen = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (ROOT / "tracker").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.ImportFrom) and not node.level)
        and (node.module or "").split(".")[0] == "tracker"
    ]
    assert not seen


TRACKS = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
import rbsf, tracker.commands.track, tracker.commands.demo
from tracker.video.synthetic import render
frames = [frame for frame, _ in render(3, (320, 180))]
target = rbsf.Tracker(rbsf.load_embedder())
target.init(frames[0], (100, 50, 40, 40))
print(len(target.update(frames[1]).box))
"""


def test_tracking_needs_no_optional_package():
    """It tracks where none of the packages of any extra is installed."""
    code = TRACKS.format(absent=set(EXTRA_OF))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "4", done.stderr


SHADOWED = """
import tracker, rbsf, pickle
assert tracker.mine == 7
assert rbsf.Tracker.__name__ == "Tracker"
assert pickle.loads(pickle.dumps(rbsf.Tracker)) is rbsf.Tracker
print("ours and theirs")
"""


def test_a_users_own_tracker_py_and_ours_live_side_by_side(tmp_path: Path):
    (tmp_path / "tracker.py").write_text("mine = 7\n")
    first = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r})"
    hide = "sys.meta_path[:] = [f for f in sys.meta_path if 'ScikitBuild' not in type(f).__name__]"
    code = f"{first}; {hide}\n{SHADOWED}"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "ours and theirs", done.stderr


def test_the_command_works_beside_a_users_tracker_py(tmp_path: Path):
    (tmp_path / "tracker.py").write_text("raise SystemExit('this is the wrong tracker')\n")
    words = [sys.executable, "-m", "rbsf", "track", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "rbsf track" in done.stdout, done.stderr
