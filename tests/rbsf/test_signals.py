"""The signals that ask to end, and those among them that a process heeds."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from rbsf.signals import SIGNALS, heeded_signals


@pytest.fixture(autouse=True)
def former_handlers() -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no closed terminal")
def test_ctrl_c_a_request_and_a_closed_terminal_ask_to_end() -> None:
    assert set(SIGNALS) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@pytest.mark.parametrize("ignored", [set(), *({number} for number in SIGNALS), set(SIGNALS)])
def test_all_are_heeded_but_those_that_are_ignored(ignored: set[signal.Signals]) -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    assert set(heeded_signals()) == set(SIGNALS) - ignored
