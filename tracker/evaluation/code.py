"""Which code decides where a box goes, as one hash: results of other code are not reused."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import rbsf

DECIDING = {
    "tracker": ("loop", "evaluation/runner.py"),
    "rbsf": (
        "geometry.py",
        "embedder.py",
        "files/image.py",
        "files/networks.py",
        "files/shipped.py",
        "binarize",
        "nn",
        "engine",
    ),
}
"""The files, and the folders with all they hold, that a box depends on: the tracker loop, how a
frame is read and cut, and what the network computes. A window or a report is not among them."""


def code_hash(packages: Path | None = None) -> str:
    """The SHA-256 of all deciding code, the compiled kernels included.

    Args:
        packages: The folder that holds `rbsf/` and `tracker/`; the running ones if None.
    """
    digest = hashlib.sha256()
    for path in [*_deciding_files(packages), *_compiled_kernels()]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _deciding_files(packages: Path | None) -> list[Path]:
    roots = {
        "tracker": packages / "tracker" if packages else Path(__file__).resolve().parents[1],
        "rbsf": packages / "rbsf" if packages else Path(rbsf.__file__).resolve().parent,
    }
    named = [roots[package] / part for package, parts in DECIDING.items() for part in parts]
    return [
        file for path in named for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]


def _compiled_kernels() -> list[Path]:
    spec = find_spec("rbsf.engine._kernels")
    return [Path(spec.origin)] if spec and spec.origin else []
