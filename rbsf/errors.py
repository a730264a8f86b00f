"""The error for bad input, which is the only kind that a user can fix."""

from __future__ import annotations

LONGEST_MESSAGE = 1000
"""The greatest length of a message, in characters. A longer one is cut in its middle."""


class InputError(ValueError):
    """The input is bad. The message is one line that names what is wrong, and the remedy.

    Commands print the message and exit with status 2. It may quote names and values from a file,
    so what could not be printed in a line is written as Python would escape it.
    """

    def __init__(self, message: str) -> None:
        line = one_line(message)
        if len(line) > LONGEST_MESSAGE:
            line = f"{line[: LONGEST_MESSAGE - 300]} ... {line[-200:]}"
        super().__init__(line)


def one_line(text: str) -> str:
    """The text with line breaks, control characters and halves of characters escaped.

    A name in a file from elsewhere could otherwise add lines, or send commands to the terminal.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
