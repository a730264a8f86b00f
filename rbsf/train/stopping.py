"""Ctrl-C and its like as a wish to stop, which a run follows after its current step."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rbsf.signals import heeded_signals


@contextmanager
def on_stop_signal(ask: Callable[[], None]) -> Iterator[None]:
    """Calls `ask` when a signal asks the process to end, instead of what it did before the block.

    That holds for Ctrl-C, SIGTERM and a closed terminal, but not for a signal that is ignored.
    """
    before = {number: signal.signal(number, lambda *_: ask()) for number in heeded_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
