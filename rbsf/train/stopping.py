"""Ctrl-C and SIGTERM as a wish to stop, which a run follows after its current step."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_stop_signal(ask: Callable[[], None]) -> Iterator[None]:
    """Calls `ask` when Ctrl-C or SIGTERM comes, instead of what they did before the block."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: ask()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
