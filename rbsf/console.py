"""What all commands share: a console on standard error, progress bars, and the exit status.

The status is 0 on success, 1 where something was left out, 2 after bad input, and 130 after Ctrl-C.
In each case one line explains it.
"""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from rbsf.errors import InputError, one_line
from rbsf.extras import needs_extra

console = Console(stderr=True)
"""Progress and remarks go to standard error. Only results go to standard output."""


def progress_bar(*, shown: bool = True) -> Progress:
    """Makes a progress bar with a count, the elapsed and the remaining time.

    Every task needs a field `note`, a text that is shown at the end of its line.

    Args:
        shown: Whether the bar is visible.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not shown,
    )


UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The exception that typer raises for a wrong command line, whichever click it is built on."""


def run_tool(name: str, command: Callable[..., None], *subcommands: Callable[..., None]) -> None:
    """Runs a typer command as a program. Bad input ends it with one line and status 2.

    Args:
        name: How the installed command is typed, such as "rbsf track". When a script is run
            instead, its help shows the script, so the examples can be typed as they are.
        command: The function to run.
        subcommands: Further commands, each called by the name of its function. `command` runs
            before them, and `typer.Context.invoked_subcommand` tells it whether one follows.
    """
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
    )
    script = Path(sys.argv[0])
    typed = f"python tools/{script.name}" if script.suffix == ".py" else name
    if subcommands:
        app.callback(invoke_without_command=True, help=_help_as_typed(command, name, typed))(
            command
        )
    for each in subcommands or (command,):
        app.command(help=_help_as_typed(each, name, typed))(each)
    try:
        with needs_extra(typed):
            sys.exit(app(standalone_mode=False, prog_name=typed))
    except InputError as error:
        fail(str(error))
    except UsageError as error:
        fail(f"{error.format_message()} See --help.")  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that a second one could end
        console.print("stopped", style="yellow")
        sys.exit(130)


def _help_as_typed(command: Callable[..., None], name: str, typed: str) -> str:
    """The command's docstring, with its examples typed the way the program was started."""
    return inspect.cleandoc(command.__doc__ or "").replace(f"`{name} ", f"`{typed} ")


def remark(text: str) -> None:
    """Prints a warning on standard error."""
    console.print(one_line(text), style="yellow", markup=False, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Ends the program with one line on standard error and exit status 2."""
    console.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
