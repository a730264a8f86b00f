"""Signals that end a run: they are heeded where nothing is half done, and never twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rbsf.signals import heeded_signals


class Interrupts:
    """Takes the signals over from when it is entered until it is left.

        with Interrupts() as interrupts:
            with interrupts.welcome():
                frame = next(frames)  # a signal ends this at once, as KeyboardInterrupt
            write(frame)  # a signal waits until the next `welcome`

    The first signal raises one KeyboardInterrupt. Any that follow do nothing, so that outputs can
    be completed. A signal that was ignored before, as under `nohup`, stays ignored. Outside of the
    main thread Python allows no change of handlers, so nothing happens there.
    """

    def __init__(self) -> None:
        self._came = self._raised = self._welcome = False

    def __enter__(self) -> Interrupts:
        self._former = {}
        if threading.current_thread() is threading.main_thread():
            for number in heeded_signals():
                self._former[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @contextmanager
    def welcome(self) -> Iterator[None]:
        """Lets a signal raise KeyboardInterrupt, also one that came before."""
        try:
            self._welcome = True
            if self._came:
                self._raise()
            yield
        finally:
            self._welcome = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._came = True
        if self._welcome:
            self._raise()

    def _raise(self) -> None:
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt
