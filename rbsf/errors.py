"""The error for bad input, which is the only kind that a user can fix."""


class InputError(ValueError):
    """The input is bad. The message is one line that names what is wrong, and the remedy.

    Commands print the message and exit with status 2.
    """
