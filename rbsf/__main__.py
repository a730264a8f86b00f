"""The command `rbsf`, also started as `python -m rbsf`: finds the named command and runs it.

A command is a module of `tracker.commands` with a function `main`, named with underscores for
dashes. It is imported only when it is asked for, so that `rbsf track` never waits for what
`rbsf train` needs.
"""

from __future__ import annotations

import difflib
import importlib
import sys

from rbsf import __version__
from rbsf.console import fail

COMMANDS = {
    "track": "follow objects through a video, a folder of images, a camera or a stream",
    "demo": "track a clip that the project renders itself, and say how well it went",
    "evaluate": "measure trackers on a benchmark",
    "report": "make an evaluation's report again, or compare several evaluations",
    "table5": "the paper's Table 5 for these and other trackers, beside its figures",
    "check-dataset": "list what a benchmark's folder lacks",
    "train": "train the full-precision teacher, or distil the binary network from it",
    "export": "pack a trained network, look into a packed one, or convert it",
    "benchmark": "time the packed engine beside other runtimes on this machine",
}


def main() -> None:
    """Runs `rbsf COMMAND ...`; bad input ends it with one line and exit status 2."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in {"-h", "--help"}:
        print(_help())
    elif name == "--version":
        print(f"rbsf {__version__}")
    elif name in COMMANDS:
        _run(name)
    else:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(COMMANDS)}"
        fail(f"there is no command {name!r}: {hint} See rbsf --help.")


def _run(name: str) -> None:
    sys.argv = [f"rbsf {name}", *sys.argv[2:]]
    tracking = importlib.import_module("rbsf.tracking")
    importlib.import_module(f"{tracking.__name__}.commands.{name.replace('-', '_')}").main()


def _help() -> str:
    rows = "\n".join(f"  {name:<14} {what}" for name, what in COMMANDS.items())
    return (
        "Usage: rbsf COMMAND [OPTIONS]\n\n"
        "Mark an object in the first frame of a video, and the tracker finds it in every frame\n"
        f"that follows.\n\nCommands:\n{rows}\n\n"
        "`rbsf COMMAND --help` explains a command, with examples."
    )


if __name__ == "__main__":
    main()
