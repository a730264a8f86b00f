"""What every command shares: a console on standard error, progress bars, and how it ends.

Exit status: 0 on success, 2 with one clear line for bad input, 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
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

from rbsf.errors import InputError

console = Console(stderr=True)
"""Progress and remarks go to standard error; results alone go to standard output."""


def progress_bar(*, shown: bool = True) -> Progress:
    """A bar with count, times left and gone, and a free text field `note` at its end."""
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
"""What typer raises for a wrong command line, whichever click it is built on."""


def run_tool(command: Callable[..., None], *subcommands: Callable[..., None]) -> None:
    """Runs a typer command as a program; bad input ends it with one line and status 2.

    Args:
        command: the program.
        subcommands: what it does besides, by their names; `command` is run before them, and tells
            by `typer.Context.invoked_subcommand` whether one follows.
    """
    app = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
    )
    if subcommands:
        app.callback(invoke_without_command=True)(command)
    for each in subcommands or (command,):
        app.command()(each)
    try:
        sys.exit(app(standalone_mode=False))
    except InputError as error:
        _fail(str(error))
    except UsageError as error:
        _fail(f"{error.format_message()} See --help.")  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        console.print("stopped", style="yellow")
        sys.exit(130)


def _fail(message: str) -> NoReturn:
    console.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
