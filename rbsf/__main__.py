"""The command `rbsf`, also started as `python -m rbsf`. It finds the named command and runs it.

A command is a module of `tracker.commands` with a function `main`, named with underscores for
dashes. It is imported only when it is asked for, so that `rbsf track` never waits for the packages
that `rbsf train` needs.
"""

from __future__ import annotations

import difflib
import importlib
import sys

from rbsf import __version__
from rbsf.console import fail
from rbsf.errors import InputError
from rbsf.extras import needs_extra

COMMANDS = {
    "track": "Follows objects through a video, a folder of images, a camera or a stream.",
    "demo": "Tracks a clip that the project renders itself, and says how well.",
    "evaluate": "Measures trackers on a benchmark.",
    "report": "Makes an evaluation's report again, or compares several evaluations.",
    "table5": "Measures the paper's Table 5 for its trackers and others.",
    "tables": "Makes the paper's other tables, with our figures beside the paper's.",
    "summary": "Shows what a network costs: parameters, memory, multiplications.",
    "check-dataset": "Lists what a benchmark's folder lacks.",
    "cache": "Makes the crops that a training needs.",
    "train": "Trains the full-precision teacher, or distils the binary network from it.",
    "ablate": "Trains and measures RB-SF with and without each of its parts.",
    "export": "Packs a trained network, looks into a packed one, or converts it.",
    "benchmark": "Times the packed engine and other runtimes on this machine.",
}
"""The commands, and what each of them does."""


def main() -> None:
    """Runs `rbsf COMMAND ...`. Bad input ends it with one line and exit status 2."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in {"-h", "--help"}:
        print(_help())
    elif name == "--version":
        print(f"rbsf {__version__}")
    elif name in COMMANDS:
        _run(name)
    else:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}."
        fail(f"there is no command {name!r}: {hint} See rbsf --help.")


def _run(name: str) -> None:
    sys.argv = [f"rbsf {name}", *sys.argv[2:]]
    module = name.replace("-", "_")
    try:
        with needs_extra(f"rbsf {name}"):
            tracking = importlib.import_module("rbsf.tracking")
            command = importlib.import_module(f"{tracking.__name__}.commands.{module}")
    except InputError as error:
        fail(str(error))
    command.main()


def _help() -> str:
    rows = "\n".join(f"  {name:<14} {what}" for name, what in COMMANDS.items())
    return (
        "Usage: rbsf COMMAND [OPTIONS]\n\n"
        "Mark an object in the first frame of a video, and the tracker finds it in every frame\n"
        f"that follows.\n\nCommands:\n{rows}\n\n"
        "Examples:\n\n"
        "  rbsf demo --keep\n"
        "  rbsf track clip.mp4 --bbox 612,290,72,72 --output out.mp4\n\n"
        "`rbsf COMMAND --help` explains a command, with more examples."
    )


if __name__ == "__main__":
    main()
