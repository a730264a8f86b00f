"""The one kind of error a user can mend: tools print it as one line and exit with status 2."""


class InputError(ValueError):
    """Bad input; the message is one line that names the thing and the remedy."""
