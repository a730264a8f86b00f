"""Which code decides where a box goes, as one hash. Results of other code are not used again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import rbsf

Deciding = Mapping[str, tuple[str, ...]]
"""Files and folders by the package, `rbsf` or `tracker`, in which they are."""

RUNNING: Deciding = {
    "tracker": ("evaluation/runner.py", "evaluation/protocols.py"),
    "rbsf": ("geometry.py", "files/image.py"),
}
"""What every box depends on: how a run starts, and how a frame is read."""

OUR_TRACKER: Deciding = {
    "tracker": ("loop", *RUNNING["tracker"]),
    "rbsf": (
        *RUNNING["rbsf"],
        "embedder.py",
        "files/networks.py",
        "files/shipped.py",
        "binarize",
        "nn",
        "engine",
    ),
}
"""What a box of the SiamFC tracker depends on besides: the tracker loop, and what the network
computes. A window or a report is not among them."""

RIVALS: Deciding = {
    "tracker": ("evaluation/rivals.py", *RUNNING["tracker"]),
    "rbsf": RUNNING["rbsf"],
}
"""What a box of one of OpenCV's trackers depends on, besides OpenCV."""


def code_hash(packages: Path | None = None, deciding: Deciding = OUR_TRACKER) -> str:
    """The SHA-256 of all deciding code, for our tracker with the compiled kernels.

    Args:
        packages: The folder that holds `rbsf/` and `tracker/`. None takes the running ones.
        deciding: The files and folders that count.
    """
    digest = hashlib.sha256()
    kernels = _compiled_kernels() if "engine" in deciding["rbsf"] else []
    for path in [*_deciding_files(packages, deciding), *kernels]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _deciding_files(packages: Path | None, deciding: Deciding) -> list[Path]:
    roots = {
        "tracker": packages / "tracker" if packages else Path(__file__).resolve().parents[1],
        "rbsf": packages / "rbsf" if packages else Path(rbsf.__file__).resolve().parent,
    }
    named = [roots[package] / part for package, parts in deciding.items() for part in parts]
    return [
        file for path in named for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])
    ]


def _compiled_kernels() -> list[Path]:
    spec = find_spec("rbsf.engine._kernels")
    return [Path(spec.origin)] if spec and spec.origin else []
