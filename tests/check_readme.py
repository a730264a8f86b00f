"""Does what README says, in its order, as a newcomer would: in a fresh clone with nothing made.

Every command of a block that is marked `sh` runs, and must end with status 0. Blocks marked
`sh yours` need data or weights of the reader's; there every option is looked up in the command's
help. Run by `make readme` and in CI; `make test` is left out, since CI runs it anyway.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = {"make test"}


def main() -> None:
    """Clones, then goes through README; the first command that fails ends it."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "rb-sf"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        done = 0
        for kind, command in commands((clone / "README.md").read_text(encoding="utf-8")):
            if command in LEFT_OUT:
                continue
            print(f"$ {command}", flush=True)
            if kind == "sh":
                run(command, clone)
            else:
                look_up_options(command, clone)
            done += 1
    if not done:
        raise SystemExit("README has no command")
    print(f"{done} commands of README do what they say")


def commands(readme: str) -> Iterator[tuple[str, str]]:
    """Every command with the kind of its block; continued lines are joined, comments dropped."""
    for kind, block in re.findall(r"^```(sh(?: yours)?)\n(.*?)^```", readme, re.DOTALL | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield kind, shlex.join(words)


def run(command: str, clone: Path) -> None:
    """Runs a command in the clone.

    Raises:
        SystemExit: It failed.
    """
    started = time.monotonic()
    ended = subprocess.run(command, shell=True, cwd=clone)
    if ended.returncode:
        raise SystemExit(f"README's `{command}` ended with status {ended.returncode}")
    print(f"({time.monotonic() - started:.0f} s)", flush=True)


def look_up_options(command: str, clone: Path) -> None:
    """Checks that a command's help knows the options that README gives it.

    Raises:
        SystemExit: There is no such command or option.
    """
    words = shlex.split(command)
    first_option = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    program = [word for word in words[:first_option] if not Path(word).suffix or "tools/" in word]
    ended = subprocess.run(
        [*program, "--help"], cwd=clone, capture_output=True, text=True, env={"COLUMNS": "300"}
    )
    missing = [
        word for word in words[first_option:] if word.startswith("--") and word not in ended.stdout
    ]
    if ended.returncode or missing:
        raise SystemExit(f"README's `{command}`: {missing or ended.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main())
