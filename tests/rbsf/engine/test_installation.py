"""A benchmark says which rbsf it measured, and why that one has no kernels."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from rbsf.engine.installation import PACKAGE, explain, missing_kernels
from rbsf.engine.packed import kernel_paths

OURS = f"_kernels{EXTENSION_SUFFIXES[0]}"


def package(folder: Path, *files: str) -> Path:
    """Makes a folder that looks like the package, with these files in its engine."""
    made = folder / "rbsf"
    (made / "engine").mkdir(parents=True)
    for name in ("packed.py", "_kernels.pyi", *files):
        (made / "engine" / name).touch()
    return made


def test_sources_hide_an_installed_package(tmp_path: Path) -> None:
    clone = package(tmp_path / "clone")
    installed = package(tmp_path / "site-packages", OURS)
    text = explain(clone, [tmp_path / "clone", tmp_path / "site-packages"])
    assert f"rbsf was imported from {clone}" in text and f"installed in {installed}" in text
    assert f"pip install -e {clone.parent}" in text
    assert "compiler" not in text and "\n" not in text


def test_there_was_no_compiler(tmp_path: Path) -> None:
    installed = package(tmp_path / "site-packages")
    text = explain(installed, [tmp_path / "site-packages", tmp_path / "nowhere"])
    assert f"rbsf was imported from {installed}" in text
    assert "install a C++ compiler" in text and "\n" not in text


def test_kernels_of_another_python(tmp_path: Path) -> None:
    made = package(tmp_path, "_kernels.cpython-27-none.so")
    assert "is not for this Python 3" in explain(made, [])


@pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")
def test_kernels_that_are_here_need_no_explanation() -> None:
    assert missing_kernels() == ""
    assert (PACKAGE / "engine" / "packed.py").is_file()
