"""Builds the wheel and tries it in a fresh environment, from a folder that is not the repository.

Run by `make wheel` and in CI; needs nothing but Python, a compiler and a network that reaches PyPI.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HOLDS = """
import rbsf, tracker
from importlib.metadata import metadata
from pathlib import Path
from rbsf.config import CONFIGS
from rbsf.engine import _kernels
package = Path(rbsf.__file__).parent
assert package.parent.name == "site-packages", package
assert (CONFIGS / "rbsf.yaml").is_file() and package in CONFIGS.parents, CONFIGS
assert (package / "py.typed").is_file() and (Path(tracker.__file__).parent / "py.typed").is_file()
assert not (package / "weights" / "siamfc.safetensors").exists()
assert metadata("rbsf")["License-Expression"] == "Apache-2.0"
assert metadata("rbsf")["Version"] == rbsf.__version__
assert rbsf.Tracker is tracker.Tracker
print("kernels:", *_kernels.paths())
"""


def main() -> None:
    """Builds, installs and tries; the first thing that fails ends it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder / "wheel")
        python = install(wheel, folder / "environment")
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "tracker.py").write_text("raise SystemExit('a file of the user')\n")
        try_commands(python.parent, elsewhere)
        (elsewhere / "tracker.py").unlink()
        run(str(python), "-c", HOLDS, folder=elsewhere)


def build(folder: Path) -> Path:
    """The wheel that `pip wheel .` makes of this repository."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT))
    (wheel,) = folder.glob("rbsf-*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel and what it asks for; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", str(wheel))
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    print(f"installed with all that tracking needs: {size / 1e6:.0f} MB")
    return python


def try_commands(binaries: Path, folder: Path) -> None:
    """Tracks, and asks for what is not installed, beside a file called tracker.py."""
    command = str(binaries / "rbsf")
    run(command, "--version", folder=folder)
    run(command, "demo", "--frames", "30", "--output", "demo.mp4", folder=folder)
    assert (folder / "demo.mp4").stat().st_size > 0
    refused = run(command, "train", "siamfc", folder=folder, status=2)
    assert "pip install 'rbsf[train]'" in refused, refused


def run(*words: str, folder: Path | None = None, status: int = 0) -> str:
    """Runs a program; returns what it printed.

    Raises:
        SystemExit: It ended with another exit status than `status`.
    """
    ended = subprocess.run(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(ended.stdout, end="")
    if ended.returncode != status:
        raise SystemExit(f"{' '.join(words)} ended with status {ended.returncode}, not {status}")
    return ended.stdout


if __name__ == "__main__":
    main()
