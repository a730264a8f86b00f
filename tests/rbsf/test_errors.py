"""A message is one line that can be printed, whatever it quotes."""

from __future__ import annotations

import pickle

import pytest

from rbsf.errors import LONGEST_MESSAGE, InputError, one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a  b é 影", "a  b é 影"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\udcff", r"\udcff"),
        ("\u202e", r"\u202e"),
    ],
)
def test_what_cannot_be_printed_in_a_line_is_escaped(text: str, line: str) -> None:
    assert one_line(text) == str(InputError(text)) == line
    assert str(pickle.loads(pickle.dumps(InputError(text)))) == line


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    message = str(InputError(f"x.yaml: key {'9' * 5000}; did you mean scales?"))
    assert len(message) < LONGEST_MESSAGE
    assert message.startswith("x.yaml: key 99") and message.endswith("did you mean scales?")
