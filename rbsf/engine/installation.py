"""Which `rbsf` a process imported, and why that one has no compiled kernels.

A clone of the repository holds the sources of `rbsf`. Python prefers them to an installed package
when it starts there, although a wheel was installed with its kernels elsewhere. What then runs is
slower, and no compiler mends it. So a benchmark says which package it measured.
"""

from __future__ import annotations

import importlib
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from rbsf.engine.packed import kernel_paths

PACKAGE = Path(__file__).parents[1]
"""The folder of the `rbsf` that this process imported."""

_KERNELS = "rbsf.engine._kernels"


def missing_kernels() -> str:
    """Says why the packed engine cannot run here, and what to do about it.

    Returns:
        One line, or an empty text where the kernels are here.
    """
    return "" if kernel_paths() else explain(PACKAGE, _searched_folders())


def explain(package: Path, searched: Sequence[Path]) -> str:
    """Says why a package has no kernels.

    Args:
        package: The folder of the package that was imported.
        searched: Folders in which another `rbsf` may be installed.
    """
    beside = _kernel_files(package)
    if any(_fits(file) for file in beside):
        return f"{beside[0]} cannot be imported ({_import_error()}): install rbsf again"
    if beside:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"{beside[0]} is not for this Python {version}: install rbsf again with this Python"
    for folder in searched:
        installed = [file for file in _kernel_files(folder / "rbsf") if _fits(file)]
        if installed and folder / "rbsf" != package:
            return (
                f"rbsf was imported from {package}, which holds no compiled kernels; an rbsf with "
                f"kernels is installed in {folder / 'rbsf'}: start in a folder outside of "
                f"{package.parent}, or run pip install -e {package.parent}"
            )
    return (
        f"rbsf was imported from {package}, which holds no compiled kernels, and no other rbsf is "
        "installed: install a C++ compiler (on Debian: apt-get install g++ python3-dev), then run "
        "pip install again"
    )


def _kernel_files(package: Path) -> list[Path]:
    """Lists the compiled extensions of a package, for whatever version of Python."""
    found = sorted((package / "engine").glob("_kernels*"))
    return [file for file in found if file.suffix in {".so", ".pyd"}]


def _fits(file: Path) -> bool:
    """Says whether this Python imports a file of that name."""
    return file.name.removeprefix("_kernels") in EXTENSION_SUFFIXES


def _searched_folders() -> list[Path]:
    """The folders in which pip installs packages, and those in which Python looks for them."""
    installed = (sysconfig.get_path(name) for name in ("platlib", "purelib"))
    return [Path(folder).resolve() for folder in dict.fromkeys([*installed, *sys.path]) if folder]


def _import_error() -> str:
    try:
        importlib.import_module(_KERNELS)
    except ImportError as error:
        return str(error)
    return "it holds no kernels for this machine"
