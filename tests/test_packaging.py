"""What an installation consists of, with a compiler and without."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOR_TRAINING = {
    "rbsf/weights/rbsf_box_latent.safetensors",
    "rbsf/weights/siamfc.safetensors",
}

BUILD = """
import sys
from scikit_build_core import build
getattr(build, sys.argv[1])(sys.argv[2])
"""


def build(what: str, folder: Path, **variables: str) -> tuple[Path, str]:
    """Builds `wheel` or `sdist` as pip does; the file, and what pip would show of it."""
    words = [sys.executable, "-c", BUILD, f"build_{what}", str(folder)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, **variables}
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (file,) = folder.iterdir()
    return file, ended.stdout + ended.stderr


def tracked(*folders: str) -> set[str]:
    """Files of folders, those that git ignores left out."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.splitlines() if (ROOT / name).is_file()}


needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout")


@needs_git
def test_without_a_compiler_a_wheel_holds_all_but_the_extension(tmp_path: Path):
    wheel, shown = build("wheel", tmp_path, CXX=str(tmp_path / "no-compiler"))
    assert wheel.name.endswith("-py3-none-any.whl")
    (warning,) = (line for line in shown.splitlines() if "warning: rbsf" in line)
    assert "g++" in warning and "pip install" in warning
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
    sources = {name for name in tracked("rbsf") if name.startswith("rbsf/engine/src/")}
    assert sources
    configs = {f"rbsf/{name}" for name in tracked("configs")}
    assert configs
    assert held == tracked("rbsf", "tracker") - sources - FOR_TRAINING | configs
    assert {"rbsf/weights/rbsf.rbsf", "rbsf/weights/rbsf_box.rbsf"} <= held
    assert {"rbsf/py.typed", "tracker/py.typed"} <= held


@needs_git
def test_a_source_distribution_holds_what_builds_and_tests_it(tmp_path: Path):
    sdist, _ = build("sdist", tmp_path)
    with tarfile.open(sdist) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    assert held - {"PKG-INFO"} == {
        name for name in tracked(".") if not name.startswith((".ci/", ".git"))
    }
