"""The signals that ask a process to end."""

from __future__ import annotations

import signal

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, the request to end, and the closed terminal. Windows lacks the last."""


def heeded_signals() -> list[signal.Signals]:
    """Those of `SIGNALS` that end this process. One that is ignored, as under `nohup`, does not."""
    return [s for s in SIGNALS if signal.getsignal(s) not in (signal.SIG_IGN, None)]
