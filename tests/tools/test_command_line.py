"""Every command answers a mistake at once: one line, status 2, and no import of torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from tool_runs import ROOT

from rbsf.embedder import SHIPPED_RBSF
from tracker.commands import options
from tracker.commands.options import command_line, rbsf_as_typed

STUDENT = str(SHIPPED_RBSF.with_name("rbsf.safetensors"))
BOX = ("--bbox", "20,40,24,24")

RUNS = """
import contextlib, io, json, sys
for absent in json.loads(sys.argv[1]):
    sys.modules[absent] = None
from rbsf.__main__ import main
for words in json.load(sys.stdin):
    sys.argv, status = ["rbsf", *words], 0
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
    torch = sys.modules.get("torch") is not None
    print(json.dumps([status, out.getvalue(), err.getvalue(), torch]))
"""


class Ended(NamedTuple):
    """A command that has ended, and whether torch has been imported by then."""

    status: int
    out: str
    err: str
    torch: bool


def rbsf(folder: Path, lines: Sequence[Sequence[str]], *absent: str) -> list[Ended]:
    """Runs `rbsf` with each line of words, in one process where some packages are absent."""
    done = subprocess.run(
        [sys.executable, "-c", RUNS, json.dumps(absent)],
        input=json.dumps(lines),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [Ended(*json.loads(line)) for line in done.stdout.splitlines()]


MISTAKES = {
    ("cache", "--config", "no.yaml"): "--config no.yaml: there is no such file",
    ("cache", "--data", "no"): "--data no: there is no such folder; give the folder",
    ("tracks",): "there is no command 'tracks': did you mean track?",
    ("track",): "no video: give one, as in rbsf track clip.mp4 --bbox x,y,w,h",
    ("track", "no.mp4", *BOX): "no such video, folder or camera: no.mp4",
    ("track", "clip", "--bbox", "1", "2", "3", "4"): "join its four numbers with commas",
    ("track", "--video", "clip", "--bbox", "1", "2", "3", "4"): "as in --bbox 612,290,72,72",
    ("track", "clip", "--bbox", "1,2,3"): "--bbox 1,2,3 is not a box: give four numbers x,y,w,h",
    ("track", "clip", "--bbox", "a"): "joined by commas, as in --bbox 612,290,72,72 (the frame is",
    ("track", "clip", "--bbox", "900,2,3,4"): "lies outside the frame (the frame is 160x120)",
    ("track", "clip", "other", *BOX): "give one video, not 2: clip other",
    ("track", "clip", "--video", "other", *BOX): "give one video, not 2: clip other",
    ("track", "clip", *BOX, "--box", "1,2,3,4"): "--box",
    ("track", "clip", *BOX, "--weights", "folder"): "--weights folder is a folder: give a file",
    ("track", "clip", *BOX, "--weights", "no.rbsf"): "--weights no.rbsf: there is no such file",
    ("track", "clip", *BOX, "--weights", "text.txt"): "name must end in .rbsf, .safetensors",
    ("track", "clip", *BOX, "--output", "no/out.mp4"): "there is no folder no; make it",
    ("track", "clip", *BOX, "--output", "out.avi"): "output out.avi must end in .mp4",
    ("track", "clip", *BOX, "--save-boxes", "a.xml"): "must end in .csv, .json, .txt or .jsonl",
    ("track", "clip", *BOX, "--config", "folder"): "folder",
    ("demo", "--output", "no/demo.mp4"): "there is no folder no; make it",
    ("demo", "--weights", "folder"): "--weights folder is a folder: give a file",
    ("demo", "--frame", "9"): "--frame",
    ("export",): "Missing argument 'NETWORK'",
    ("export", "no.safetensors", "--inspect"): "no.safetensors: there is no such file",
    ("export", "folder", "--inspect"): "folder is a folder: give a file",
    ("export", "text.txt", "--inspect"): "name must end in .rbsf, .safetensors",
    ("export", STUDENT): "nothing to do: give --output, --compact",
    ("export", STUDENT, "--output", "no/a.rbsf"): "there is no folder no; make it",
    ("export", STUDENT, "--output", "a.bin"): "output a.bin must end in .rbsf",
    ("export", STUDENT, "--output", "folder"): "output folder must end in .rbsf",
    ("export", STUDENT, "--compact", "a.rbsf"): "output a.rbsf must end in .safetensors",
    ("export", STUDENT, "--compact", STUDENT): "is the source itself: choose another name",
    ("export", STUDENT, "--compact", "no/a.safetensors"): "there is no folder no; make it",
    ("export", STUDENT, "--compare", "no"): "--compare no: there is no such folder",
    ("export", STUDENT, "--onnx", "text.txt"): "--onnx text.txt is a file: give a folder",
    ("export", STUDENT, "--outptu", "a.rbsf"): "--outptu",
    ("train",): "say what to train: rbsf train siamfc, rbsf train rbsf, or rbsf train classifier",
    ("train", "teacher"): "teacher",
    ("train", "siamfc", "--config", "no.yaml"): "--config no.yaml: there is no such file",
    ("train", "siamfc", "--data", "no"): "--data no: there is no such folder; give the folder",
    ("train", "rbsf", "--teacher", "folder"): "--teacher folder is a folder: give a file",
    ("train", "rbsf", "--validation", "text.txt"): "--validation text.txt: it is a file; give",
    ("train", "rbsf", "--dta", "no"): "--dta",
    ("benchmark", "--video", "no.mp4", *BOX): "no such video, folder or camera: no.mp4",
    ("benchmark", "--video", "clip", "--bbox", "1 2 3 4"): "joined by commas",
    ("benchmark", "--video", "clip", "--bbox", "900,2,3,4"): "(the frame is 160x120)",
    ("benchmark", "--video", "clip"): "--video and --bbox x,y,w,h go together",
    ("benchmark", "--json", "no/speed.json"): "there is no folder no; make it",
    ("benchmark", "--json", "folder"): "cannot write folder: it is a folder",
    ("benchmark", "--plot", "speed.bmp"): "output speed.bmp must end in .pdf, .png or .svg",
    ("benchmark", "--repeat", "3"): "--repeat",
    ("benchmark", "train", "--data", "no"): "--data no: there is no such folder",
    ("benchmark", "train", "--teacher", "no.pth"): "--teacher no.pth: there is no such file",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of two images, an empty folder, and a file of text."""
    folder = tmp_path_factory.mktemp("words")
    for name in ("clip", "folder"):
        (folder / name).mkdir()
    for number in range(2):
        image = np.full((120, 160, 3), 90, np.uint8)
        cv2.imwrite(str(folder / "clip" / f"{number}.png"), image)
    (folder / "text.txt").write_text("text")
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path) -> dict[tuple[str, ...], Ended]:
    """Every mistake, all made in one process."""
    return dict(zip(MISTAKES, rbsf(folder, list(MISTAKES)), strict=True))


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_answered_in_one_line_before_torch_is_imported(ended, words) -> None:
    status, out, err, torch = ended[words]
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert MISTAKES[words] in err
    assert not torch


def test_nothing_was_written(ended, folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {"clip", "folder", "text.txt"}


def test_a_missing_extra_is_named_with_the_command_that_installs_it(folder: Path) -> None:
    lines = [
        ("train", "siamfc", "--data", "folder"),
        ("export", STUDENT, "--output", "mine.rbsf"),
        ("track", "clip", *BOX, "--weights", STUDENT),
        ("benchmark", "--plot", "speed.png"),
    ]
    for words, ended in zip(lines, rbsf(folder, lines, "torch", "matplotlib"), strict=True):
        missing, extra = ("matplotlib", "evaluate") if "--plot" in words else ("torch", "train")
        assert (ended.status, ended.out) == (2, ""), ended.err
        assert f"needs {missing}, which is not installed" in ended.err
        assert f"pip install 'rbsf[{extra}]'" in ended.err and ended.err.count("\n") == 1


def test_help_names_every_command(folder: Path) -> None:
    (bare, asked) = rbsf(folder, [[], ["--help"]])
    assert bare == asked and bare.status == 0
    assert all(f"\n  {name} " in bare.out for name in ("track", "demo", "train", "benchmark"))


def test_the_command_line_can_be_typed_again(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rbsf benchmark", "--json", "my speed.json"])
    assert command_line() == "rbsf benchmark --json 'my speed.json'"
    monkeypatch.setattr(sys, "argv", ["tools/benchmark.py"])
    assert command_line() == "python tools/benchmark.py"


def test_the_command_is_typed_as_this_shell_finds_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "env" / "bin" / "rbsf"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    monkeypatch.setattr(options.shutil, "which", lambda name: None)
    assert rbsf_as_typed() == "env/bin/python -m rbsf"
    script.touch(mode=0o755)
    assert rbsf_as_typed() == "env/bin/rbsf"
    monkeypatch.chdir(ROOT)
    assert rbsf_as_typed() == str(script)
    monkeypatch.setattr(options.shutil, "which", lambda name: str(script))
    assert rbsf_as_typed() == "rbsf"
